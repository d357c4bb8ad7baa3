/**
 * The configuration: environment, and an optional JSON file below it. Checked as a whole before anything starts; every
 * error is listed at once, each naming the variable or the file's field.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { BridgeTls } from '../poll/bridgeClient.ts';
import type { Schedule } from '../poll/schedule.ts';
import { fileSchema, settingsSchema } from './schema.ts';
import type { FileInput, Settings } from './schema.ts';

export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length} ${problems.length === 1 ? 'error' : 'errors'}:\n${bullets(problems)}`,
    );
    this.problems = problems;
  }
}

const bullets = (lines: readonly string[]): string => lines.map((line) => `  - ${line}`).join('\n');

export interface ParticipantConfig {
  readonly participant: string;
  readonly bridge: { readonly address: string; readonly tls: BridgeTls | null };
}

export interface Config {
  /** `null`: the embedded Postgres in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly dataDir: string;
  readonly participants: readonly ParticipantConfig[];
  readonly poll: { readonly schedule: Schedule; readonly whenElected: boolean };
  readonly rules: ThresholdRules;
  readonly retentionMonths: number;
  readonly retentionCron: string;
  readonly staleAfterMs: number;
  readonly http: { readonly host: string; readonly port: number };
  readonly logLevel: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line knows better than environment and file. */
export interface Overrides {
  readonly configFile?: string | undefined;
  readonly dataDir?: string | undefined;
  /** Participants come from elsewhere (the simulator): none need to be configured. */
  readonly withoutParticipants?: boolean | undefined;
  /** Defaults that differ for one command, weaker than environment and file. */
  readonly defaults?: Partial<Record<keyof Settings, string>>;
}

/** @throws {ConfigurationError} with every problem found */
export function loadConfig(environment: Environment, overrides: Overrides = {}): Config {
  const problems: string[] = [];
  const file = readConfigFile(overrides.configFile ?? environment['BALDE_CONFIG'], problems);
  const secrets = readSecretFiles(environment, problems);
  const merged = { ...overrides.defaults, ...file.settings, ...definedSettings(environment), ...secrets };
  if (overrides.dataDir !== undefined) merged.DATA_DIR = overrides.dataDir;

  const parsed = settingsSchema.safeParse(merged);
  if (!parsed.success) problems.push(...parsed.error.issues.map(describeIssue));
  const participants = collectParticipants(
    environment,
    file,
    overrides.withoutParticipants ?? false,
    problems,
  );
  if (!parsed.success || problems.length > 0) throw new ConfigurationError(problems);
  return assemble(parsed.data, participants);
}

function assemble(settings: Settings, participants: readonly ParticipantConfig[]): Config {
  return {
    databaseUrl: settings.DATABASE_URL ?? null,
    dataDir: resolve(settings.DATA_DIR),
    participants,
    poll: {
      schedule:
        settings.POLL_INTERVAL === undefined
          ? { kind: 'cron', expression: settings.POLL_CRON }
          : { kind: 'every', ms: settings.POLL_INTERVAL },
      whenElected: settings.POLL_WHEN_ELECTED,
    },
    rules: {
      warningPercent: settings.WARNING_PERCENT,
      criticalPercent: settings.CRITICAL_PERCENT,
      resolveMargin: settings.RESOLVE_MARGIN,
      forObservations: settings.FOR_OBSERVATIONS,
    },
    retentionMonths: settings.RETENTION_MONTHS,
    retentionCron: settings.RETENTION_CRON,
    staleAfterMs: settings.STALE_AFTER,
    http: { host: settings.HTTP_HOST, port: settings.HTTP_PORT },
    logLevel: settings.LOG_LEVEL,
  };
}

function definedSettings(environment: Environment): Record<string, string> {
  const names = Object.keys(settingsSchema.shape);
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
}

/** `NAME_FILE` holds the path of a file with the value: how secrets reach a container. */
function readSecretFiles(environment: Environment, problems: string[]): Record<string, string> {
  const path = environment['DATABASE_URL_FILE'];
  if (path === undefined || path === '') return {};
  if (environment['DATABASE_URL']) {
    problems.push('DATABASE_URL and DATABASE_URL_FILE are both set: keep one');
    return {};
  }
  const value = readFile(path, 'DATABASE_URL_FILE', problems);
  return value === null ? {} : { DATABASE_URL: value.toString('utf8').trim() };
}

function readConfigFile(path: string | undefined, problems: string[]): FileInput {
  if (path === undefined || path === '') return { settings: {}, participants: [] };
  const content = readFile(path, 'BALDE_CONFIG', problems);
  if (content === null) return { settings: {}, participants: [] };
  let json: unknown;
  try {
    json = JSON.parse(content.toString('utf8'));
  } catch (error) {
    problems.push(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
    return { settings: {}, participants: [] };
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  problems.push(...parsed.error.issues.map((issue) => `${path}: ${describeIssue(issue)}`));
  return { settings: {}, participants: [] };
}

/** Contents of a file that a setting names; a problem instead of an exception. */
function readFile(path: string, setting: string, problems: string[]): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    problems.push(`${setting}: ${path} can't be read (${code})`);
    return null;
  }
}

function collectParticipants(
  environment: Environment,
  file: FileInput,
  optional: boolean,
  problems: string[],
): ParticipantConfig[] {
  const entries = [...file.participants, ...participantOfEnvironment(environment, problems)];
  if (entries.length === 0 && !optional) {
    problems.push(
      'no participant to poll: set PARTICIPANT (ISPB, 8 characters) and BRIDGE_ADDRESS (host:port), or list participants in the file of BALDE_CONFIG, or start with --simulate',
    );
  }
  const seen = new Set<string>();
  for (const { participant } of entries) {
    if (seen.has(participant)) problems.push(`participant ${participant} is configured twice`);
    seen.add(participant);
  }
  return entries.map((entry) => ({
    participant: entry.participant,
    bridge: { address: entry.bridge.address, tls: entry.bridge.tls ? readTls(entry, problems) : null },
  }));
}

type FileParticipant = FileInput['participants'][number];

function participantOfEnvironment(environment: Environment, problems: string[]): FileParticipant[] {
  const { PARTICIPANT: participant, BRIDGE_ADDRESS: address } = environment;
  if (!participant && !address) return [];
  const tls = {
    caFile: environment['BRIDGE_TLS_CA_FILE'],
    certFile: environment['BRIDGE_TLS_CERT_FILE'],
    keyFile: environment['BRIDGE_TLS_KEY_FILE'],
    serverName: environment['BRIDGE_TLS_SERVER_NAME'],
  };
  const wanted = environment['BRIDGE_TLS'] === 'true' || Object.values(tls).some(Boolean);
  const parsed = fileSchema.shape.participants.unwrap().element.safeParse({
    participant: participant ?? '',
    bridge: { address: address ?? '', ...(wanted ? { tls: dropEmpty(tls) } : {}) },
  });
  if (parsed.success) return [parsed.data];
  const names: Readonly<Record<string, string>> = {
    participant: 'PARTICIPANT',
    'bridge.address': 'BRIDGE_ADDRESS',
    'bridge.tls': 'BRIDGE_TLS_CERT_FILE and BRIDGE_TLS_KEY_FILE',
  };
  for (const issue of parsed.error.issues) {
    const path = issue.path.join('.');
    problems.push(`${names[path] ?? path}: ${issue.message}`);
  }
  return [];
}

const dropEmpty = (values: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value));

function readTls({ participant, bridge: { tls = {} } }: FileParticipant, problems: string[]): BridgeTls {
  const pem = (path: string | undefined, what: string): Buffer | null =>
    path === undefined ? null : readFile(path, `${what} of participant ${participant}`, problems);
  const ca = pem(tls.caFile, 'TLS authority');
  const cert = pem(tls.certFile, 'TLS certificate');
  const key = pem(tls.keyFile, 'TLS key');
  return {
    ...(ca === null ? {} : { ca }),
    ...(cert === null || key === null ? {} : { client: { cert, key } }),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
  };
}

/** Values are not repeated: a connection string holds a password. */
function describeIssue(issue: z.core.$ZodIssue): string {
  return `${issue.path.join('.') || 'the file'}: ${issue.message}`;
}
