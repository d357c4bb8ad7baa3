/** The participants to poll, each with its Bridge: of the file, and one of the environment. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { BridgeTls } from '../poll/bridgeClient.ts';
import { describeIssue, participantSchema } from './schema.ts';
import type { ParticipantInput, TlsFiles } from './schema.ts';
import { readFile } from './sources.ts';
import type { ConfigFile, Environment, Problems } from './sources.ts';

export interface ParticipantConfig {
  readonly participant: string;
  readonly bridge: {
    readonly address: string;
    readonly tls: BridgeTls | null;
    /**
     * Reads the files of `tls` as they are now; not there where there are none. @throws {Error} they don't fit together
     */
    readonly readTls?: () => BridgeTls;
  };
}

export const NO_PARTICIPANT =
  'no participant to poll: set PARTICIPANT (ISPB, 8 characters) and BRIDGE_ADDRESS (host:port), or list participants in the file of BALDE_CONFIG, or start with --simulate';

const TLS_VARIABLES = {
  caFile: 'BRIDGE_TLS_CA_FILE',
  certFile: 'BRIDGE_TLS_CERT_FILE',
  keyFile: 'BRIDGE_TLS_KEY_FILE',
  serverName: 'BRIDGE_TLS_SERVER_NAME',
} as const;

export function collectParticipants(
  environment: Environment,
  file: ConfigFile,
  problems: Problems,
): ParticipantConfig[] {
  const own = participantOfEnvironment(environment, problems);
  if (own === 'none' && file.listed === 0 && file.readable) {
    problems.push(NO_PARTICIPANT);
  }
  const entries = [...file.participants, ...(typeof own === 'string' ? [] : [own])];
  const names = entries.map(({ participant }) => participant);
  for (const twice of new Set(names.filter((name, i) => names.indexOf(name) < i))) {
    problems.push(`participant ${twice} is configured twice`);
  }
  return entries.map(({ participant, bridge: { address, tls } }) => ({
    participant,
    bridge: { address, ...(tls === undefined ? { tls: null } : tlsOf(participant, tls, problems)) },
  }));
}

function tlsOf(
  participant: string,
  files: TlsFiles,
  problems: Problems,
): Required<Pick<ParticipantConfig['bridge'], 'readTls'>> & { readonly tls: BridgeTls } {
  const readAgain = (): BridgeTls => {
    const found: string[] = [];
    const tls = readBridgeTls(participant, files, found);
    if (found.length > 0) throw new Error(found.join('; '));
    return tls;
  };
  return { tls: readBridgeTls(participant, files, problems), readTls: readAgain };
}

function participantOfEnvironment(environment: Environment, problems: Problems): ParticipantInput | 'none' | 'wrong' {
  const participant = environment['PARTICIPANT'] ?? '';
  const address = environment['BRIDGE_ADDRESS'] ?? '';
  const tls = tlsOfEnvironment(environment, problems);
  if (participant === '' && address === '') {
    if (tls === undefined) return 'none';
    problems.push('BRIDGE_TLS…: set without PARTICIPANT and BRIDGE_ADDRESS, so it would apply to no Bridge');
    return 'wrong';
  }
  const parsed = participantSchema.safeParse({
    participant: participant === '' ? undefined : participant,
    bridge: { address: address === '' ? undefined : address, tls },
  });
  if (parsed.success) return parsed.data;
  const variables: Readonly<Record<string, string>> = {
    participant: 'PARTICIPANT',
    'bridge.address': 'BRIDGE_ADDRESS',
    'bridge.tls': `${TLS_VARIABLES.certFile} and ${TLS_VARIABLES.keyFile}`,
  };
  for (const issue of parsed.error.issues) {
    problems.push(describeIssue({ ...issue, path: [] }, variables[issue.path.join('.')] ?? 'BRIDGE_TLS'));
  }
  return 'wrong';
}

/** A typing error must not turn encryption off: BRIDGE_TLS is `true`, `false`, or follows from the files. */
function tlsOfEnvironment(environment: Environment, problems: Problems): TlsFiles | undefined {
  const files = Object.fromEntries(
    Object.entries(TLS_VARIABLES).flatMap(([field, name]) => (environment[name] ? [[field, environment[name]]] : [])),
  );
  const given = Object.keys(files).length > 0;
  switch (environment['BRIDGE_TLS'] ?? '') {
    case '':
      return given ? files : undefined;
    case 'true':
      return files;
    case 'false':
      if (given) problems.push('BRIDGE_TLS: is false, yet BRIDGE_TLS_… files or a name are set');
      return undefined;
    default:
      problems.push('BRIDGE_TLS: must be one of true, false');
      return undefined;
  }
}

/** Reads the files and checks that they are what they should be: gRPC would only tell at the first poll. */
function readBridgeTls(participant: string, tls: TlsFiles, problems: Problems): BridgeTls {
  const read = <T>(path: string | undefined, what: string, check: (pem: Buffer) => T) => {
    if (path === undefined) return null;
    const setting = `TLS ${what} of participant ${participant}`;
    const pem = readFile(path, setting, problems);
    if (pem === null) return null;
    try {
      return { pem, parsed: check(pem) };
    } catch {
      problems.push(`${setting}: ${path} holds no usable ${what} in PEM form`);
      return null;
    }
  };
  const certificate = (pem: Buffer): X509Certificate => new X509Certificate(pem);
  const privateKey = (pem: Buffer): KeyObject => createPrivateKey(pem);
  const ca = read(tls.caFile, 'authority', certificate);
  const cert = read(tls.certFile, 'certificate', certificate);
  const key = read(tls.keyFile, 'key', privateKey);
  if (cert !== null && key !== null && !cert.parsed.checkPrivateKey(key.parsed)) {
    problems.push(`TLS key of participant ${participant}: is not the key of its certificate`);
  }
  return {
    ...(ca === null ? {} : { ca: ca.pem }),
    ...(cert === null || key === null ? {} : { client: { cert: cert.pem, key: key.pem } }),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
  };
}
