/** A real Pulsar broker on this machine, without Docker: standalone, with its bookie and metadata in one process. */
import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnBroker } from './child.ts';
import type { BrokerProcess } from './child.ts';
import { ensureClassArchive } from './classArchive.ts';
import type { ClassArchive } from './classArchive.ts';
import { whenHealthy } from './health.ts';
import { ensureClassPath } from './jars.ts';
import { choosePorts } from './ports.ts';
import { findJava } from './programs.ts';
import type { Environment } from './programs.ts';
import { brokerFolder, configurationText, javaArguments } from './settings.ts';
import type { BrokerFolder, BrokerPorts, Settings, TlsFiles, TokenSettings } from './settings.ts';
import { createToken, readSecret } from './token.ts';

export interface BrokerOptions {
  /** Folder for the broker's files; created when missing. What it holds from an earlier run is used again. */
  readonly dataDir: string;
  /** Where to listen on 127.0.0.1; any free port for 0 and for what is left out. */
  readonly ports?: Partial<BrokerPorts>;
  /** Heap and direct memory each, as Java writes sizes; `768m` by default. */
  readonly heap?: string;
  /** Java compiles and collects simply and finds classes in the cache: a third of the CPU time, slower under load. */
  readonly quickStart?: boolean;
  /** Adds ports with TLS. The plain ones stay: the broker uses them itself. */
  readonly tls?: TlsFiles;
  /** File with the 32 bytes of a secret key: clients must then show a token signed with it, see `createToken`. */
  readonly tokenSecretFile?: string;
  /** The role that may do everything, with tokens; `admin` by default. */
  readonly superUser?: string;
  /** Lines of standalone.conf beside the defaults, e.g. `{ brokerDeduplicationEntriesInterval: 10 }`. */
  readonly settings?: Settings;
  /** How long it may take to get ready, in milliseconds; 120,000 by default. */
  readonly timeoutMs?: number;
  /** Ends the start; a broker that runs goes on. */
  readonly signal?: AbortSignal;
  /** Environment of Java and Maven; `process.env` by default. */
  readonly env?: Environment;
  /** Takes lines about what takes long; silent by default. */
  readonly report?: (line: string) => void;
}

export interface Broker extends BrokerProcess {
  /** `pulsar://127.0.0.1:6650` */
  readonly serviceUrl: string;
  /** `http://127.0.0.1:8080` */
  readonly adminUrl: string;
  /** `pulsar+ssl://…`, with TLS only. */
  readonly serviceUrlTls?: string;
  /** `https://…`, with TLS only. */
  readonly adminUrlTls?: string;
  /** Give them to the next start on the same folder and clients come back by themselves. */
  readonly ports: BrokerPorts;
  /** Token of the superuser, with a secret key only. Not for logs. */
  readonly adminToken?: string;
  readonly logFile: string;
}

/** Starts a broker and waits until clients can use it. @throws {BrokerError} with what to do */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { env = process.env, signal = new AbortController().signal } = options;
  signal.throwIfAborted();
  const java = await findJava(env);
  const ports = await portsFor(options);
  const { report = () => undefined } = options;
  const classPath = await ensureClassPath({ env, java, report });
  signal.throwIfAborted();
  if (options.quickStart !== true) return await startOn(java, { classPath }, ports, options);
  const train = async (archive: ClassArchive): Promise<void> => await training(java, archive, { env, signal });
  const archive = await ensureClassArchive({ env, java, classPath, train, report });
  signal.throwIfAborted();
  const classes = archive === null ? { classPath } : { ...archive, isMade: true };
  return await startOn(java, classes, ports, options);
}

/** What Java finds the broker's classes in. */
type Classes = { readonly classPath: string } | (ClassArchive & { readonly isMade: boolean });

async function startOn(java: string, classes: Classes, ports: BrokerPorts, options: BrokerOptions): Promise<Broker> {
  const { env = process.env, signal = new AbortController().signal } = options;
  const token = await tokenFor(options);
  const folder = await prepareFolder(options, ports, token);
  const logStart = statSync(folder.log, { throwIfNoEntry: false })?.size ?? 0;
  const args = javaArguments(folder, {
    classPath: classes.classPath,
    ...('file' in classes ? { archive: classes } : {}),
    memory: options.heap ?? '768m',
    quickStart: options.quickStart ?? false,
    isOld: isKept(folder),
  });
  const broker = await spawnBroker(java, args, folder.log, env);
  const adminUrl = `http://127.0.0.1:${ports.admin}`;
  const timeoutMs = options.timeoutMs ?? 120_000;
  const health = { adminUrl, token: token?.token, logFile: folder.log, logStart, timeoutMs, signal };
  await whenHealthy(broker, health).catch(async (error: unknown) => {
    await broker.kill();
    throw error;
  });
  return describeBroker(broker, ports, folder, token);
}

/** A broker of which nothing is wanted but the archive, which Java writes at the end. */
async function training(
  java: string,
  archive: ClassArchive,
  how: Pick<BrokerOptions, 'env' | 'signal'>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'balde-broker-'));
  try {
    const ports = await portsFor({ dataDir });
    const broker = await startOn(java, { ...archive, isMade: false }, ports, { ...how, dataDir, quickStart: true });
    await broker.stop();
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Whether an earlier run has left its data: a folder that is empty, or was left by a start that failed, is new. */
const isKept = ({ metadata, bookkeeper }: BrokerFolder): boolean =>
  existsSync(metadata) && existsSync(join(bookkeeper, 'current', 'VERSION'));

async function portsFor({ ports = {}, tls }: BrokerOptions): Promise<BrokerPorts> {
  const plain = { service: ports.service ?? 0, admin: ports.admin ?? 0 };
  if (tls === undefined) return await choosePorts(plain);
  return await choosePorts({ ...plain, serviceTls: ports.serviceTls ?? 0, adminTls: ports.adminTls ?? 0 });
}

async function tokenFor({ tokenSecretFile, superUser = 'admin' }: BrokerOptions): Promise<TokenSettings | undefined> {
  if (tokenSecretFile === undefined) return undefined;
  const secret = await readSecret(resolve(tokenSecretFile));
  return { secretFile: tokenSecretFile, superUser, token: createToken(secret, superUser) };
}

async function prepareFolder(
  { dataDir, tls, settings = {} }: BrokerOptions,
  ports: BrokerPorts,
  token: TokenSettings | undefined,
): Promise<BrokerFolder> {
  await mkdir(dataDir, { recursive: true });
  const folder = brokerFolder(dataDir);
  // What a broker that was killed has unpacked stays behind.
  await rm(folder.temporary, { recursive: true, force: true });
  await mkdir(folder.temporary);
  // It can hold a token.
  await writeFile(folder.configuration, configurationText(ports, tls, token, settings), { mode: 0o600 });
  return folder;
}

function describeBroker(
  broker: BrokerProcess,
  ports: BrokerPorts,
  folder: BrokerFolder,
  token: TokenSettings | undefined,
): Broker {
  const { service, admin, serviceTls, adminTls } = ports;
  return {
    ...broker,
    serviceUrl: `pulsar://127.0.0.1:${service}`,
    adminUrl: `http://127.0.0.1:${admin}`,
    ...(serviceTls === undefined ? {} : { serviceUrlTls: `pulsar+ssl://127.0.0.1:${serviceTls}` }),
    ...(adminTls === undefined ? {} : { adminUrlTls: `https://127.0.0.1:${adminTls}` }),
    ports,
    ...(token === undefined ? {} : { adminToken: token.token }),
    logFile: folder.log,
  };
}
