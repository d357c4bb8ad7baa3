/** Shapes of the settings and of the participants: each value on its own, in words for the person who set it. */
import { Cron } from 'croner';
import { z } from 'zod';
import { DAY_MS } from '../domain/time.ts';
import { hasFewDecimals, isAtMost, MAX_DECIMALS } from '../domain/percent.ts';
import { isParticipant } from '../domain/validation.ts';
import { formatDuration, parseDuration } from './duration.ts';

const YEAR_MS = 366 * DAY_MS;

const duration = (least: number) =>
  z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== null && ms >= least && ms <= YEAR_MS) return ms;
    context.addIssue({
      code: 'custom',
      message: `must be a duration from ${formatDuration(least)} to 366d, such as 30s, 5m or 12h`,
    });
    return z.NEVER;
  });

const cron = z
  .string()
  .refine(isCron, { message: 'must be a cron expression of five or six fields, such as */5 * * * *' });

/** Croner also takes dates and seven fields: schedules that end, which none of Balde's may. */
function isCron(text: string): boolean {
  if (!/^\S+(\s+\S+){4,5}$/.test(text.trim())) return false;
  try {
    return new Cron(text, { timezone: 'UTC' }).nextRun() !== null;
  } catch {
    return false;
  }
}

/** Plain decimals only: coercion would read an empty text as 0, and `0x1F` as 31. */
const number = (least: number, most: number) =>
  z
    .string()
    .regex(/^-?\d+(\.\d+)?$/, { message: 'must be a number' })
    .transform(Number)
    .pipe(z.number().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`));

const percent = (least: number, most: number) =>
  z
    .string()
    .refine(hasFewDecimals, { message: `has more than ${MAX_DECIMALS} decimals`, abort: true })
    .pipe(number(least, most))
    // A sign before 0 would show in the name of the rules.
    .transform((value) => value + 0);

const whole = (least: number, most: number) =>
  number(least, most).refine(Number.isInteger, { message: 'must be a whole number' });

/** A level above which something is told; by default nothing is. */
const levelOrOff = (level: z.ZodType<number, string>, what: string) =>
  z.union([z.literal('off').transform(() => null), level], { message: `must be off, or ${what}` }).prefault('off');

const oneOf = <T extends string>(...choices: readonly [T, ...T[]]) =>
  z.enum(choices, { message: `must be one of ${choices.join(', ')}` });

const flag = oneOf('true', 'false').transform((text) => text === 'true');

const text = z.string().trim().min(1, 'is empty');

/** A user or password with a bare `/`, `@` or `?` would be cut there, and its rest be shown as database or host. */
const postgresUrl = z
  .string()
  .refine((value) => /^postgres(ql)?:\/\/[^/]/.test(value) && URL.canParse(value), {
    message: 'must be a connection string of the form postgresql://user:password@host:5432/database',
    abort: true,
  })
  .refine((value) => /^\/[^/@:]*$/.test(new URL(value).pathname || '/') && !/[?#].*@/.test(value), {
    message: 'names no plain database: characters such as / @ : ? # in user or password must be percent-encoded',
  });

const pulsarUrl = z.string().regex(/^pulsar(\+ssl)?:\/\/[^/?#@,]+:\d+(,[^/?#@,]+:\d+)*\/?$/, {
  message: 'must be an address of the form pulsar://host:6650 or pulsar+ssl://host:6651',
});

const adminUrl = z.string().refine((value) => /^https?:\/\/[^/?#@]+\/?$/.test(value) && URL.canParse(value), {
  message: 'must be an address of the form http://host:8080 or https://host:8443',
});

const prometheusUrl = z
  .string()
  .refine((value) => /^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(value) && URL.canParse(value), {
    message: 'must be an address of the form http://host:9090',
  });

/** What counters of calls are told apart by. */
const CALL_LABELS = ['participant', 'policy', 'status', 'source', 'operation'] as const;
export type CallLabels = Readonly<Record<(typeof CALL_LABELS)[number], string>>;

/** What they are called unless it is said. */
export const CALL_LABELS_DEFAULT: CallLabels = {
  ...{ participant: 'participant', policy: 'policy', status: 'status', source: 'job', operation: 'operation' },
};

const labels = z.string().transform((list, context): CallLabels => {
  const pairs = list.split(',').flatMap((pair) => (pair.trim() === '' ? [] : [pair.trim().split('=')]));
  const fits = ([what = '', label = '', ...more]: readonly string[]): boolean =>
    (CALL_LABELS as readonly string[]).includes(what) && /^[a-zA-Z_]\w*$/.test(label) && more.length === 0;
  if (pairs.every(fits)) return { ...CALL_LABELS_DEFAULT, ...(Object.fromEntries(pairs) as Partial<CallLabels>) };
  context.addIssue({
    code: 'custom',
    message: `must be such as policy=bucket,status=code, with commas: there are ${CALL_LABELS.join(', ')}`,
  });
  return z.NEVER;
});

const pulsarName = z.string().regex(/^[-=:.\w]+$/, { message: 'must be the name of a tenant or namespace' });

const eventStoreUrl = z.string().regex(/^esdb(\+discover)?:\/\/([^:@/\s]+:[^@/\s]+@)?[^@/?\s]+\/?(\?\S+)?$/, {
  message: 'must be an address of the form esdb://user:password@host:2113?tls=true',
});

/** Shorter ones could be guessed by whoever has a cookie that was signed with them. Characters. */
export const TOKEN_LENGTH = 16;
export const TOKEN_TOO_SHORT = `has fewer than ${TOKEN_LENGTH} characters: take what "openssl rand -hex 24" prints`;

/** Of 10^11 documents each is tried in a moment: only a key that can't be guessed hides them. Characters. */
export const PAYERS_KEY_LENGTH = 32;
export const PAYERS_KEY_TOO_SHORT = `has fewer than ${PAYERS_KEY_LENGTH} characters: take what "openssl rand -hex 32" prints`;

const hosts = z.string().transform((list, context) => {
  const names = list.split(',').map((name) => name.trim().toLowerCase());
  if (names.every((name) => /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/.test(name))) return names;
  context.addIssue({
    code: 'custom',
    message: 'must be names such as balde.example.com or balde.example.com:8443, with commas',
  });
  return z.NEVER;
});

/** Whose names the fields of the log have: pino's, those of Elastic's Common Schema or of OpenTelemetry. */
const LOG_FORMATS = ['pino', 'ecs', 'otel'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** One entry per environment variable. */
export const settingsSchema = z.object({
  DATABASE_URL: postgresUrl.optional(),
  DATA_DIR: text.default('.balde'),
  PULSAR_URL: pulsarUrl.optional(),
  PULSAR_ADMIN_URL: adminUrl.optional(),
  PULSAR_TENANT: pulsarName.default('lb-conn'),
  PULSAR_NAMESPACE: pulsarName.default('dict'),
  PULSAR_LISTENER: text.optional(),
  PULSAR_TOKEN: text.optional(),
  PULSAR_TOKEN_FILE: text.optional(),
  PULSAR_CA_FILE: text.optional(),
  PULSAR_CERT_FILE: text.optional(),
  PULSAR_KEY_FILE: text.optional(),
  /** Folder of the archive's files, for role archive. One archiver at a time. */
  ARCHIVE_DIR: text.optional(),
  /** EventStoreDB to archive into, for role archive. */
  EVENTSTORE_URL: eventStoreUrl.optional(),
  /** Neither cron nor interval: as the buckets ask for. */
  POLL_CRON: cron.optional(),
  POLL_INTERVAL: duration(100).optional(),
  /** Left of POLICIES_LIST to the participant's other programs by the adaptive schedule. */
  POLL_RESERVE: percent(0, 80).prefault('25'),
  POLL_WHEN_ELECTED: flag.default(true),
  /** Complete lists in a row that must lack a policy before it counts as retired; 0: never. */
  RETIRE_AFTER_LISTS: whole(0, 10_000).default(3),
  WARNING_PERCENT: percent(0, 100).prefault('20'),
  CRITICAL_PERCENT: percent(0, 100).prefault('10'),
  RESOLVE_MARGIN: percent(0, 100).prefault('0'),
  FOR_OBSERVATIONS: whole(1, 100).default(1),
  /** A bucket that is going to be empty within this is forecast; `off`: none is. */
  FORECAST_HORIZON: z.union([z.literal('off').transform(() => null), duration(30_000)]).prefault('5m'),
  /** Alerts about the participant's own calls; `off`: none of that kind. */
  NOT_FOUND_ALERT_PERCENT: levelOrOff(percent(0.1, 99), 'a percentage from 0.1 to 99'),
  QUERIES_PER_ORDER_ALERT: levelOrOff(number(0.1, 1_000_000), 'a number from 0.1 to 1000000'),
  UNEXPLAINED_ALERT_TOKENS: levelOrOff(whole(1, 1_000_000_000), 'a whole number from 1 to 1000000000'),
  RETENTION_MONTHS: whole(1, 1_200).default(13),
  RETENTION_CRON: cron.default('17 3 * * *'),
  STALE_AFTER: duration(1_000).prefault('15m'),
  HTTP_HOST: text.default('127.0.0.1'),
  HTTP_PORT: whole(0, 65_535).default(9464),
  /** Not set: `token` where there is one, `none` on loopback. */
  HTTP_AUTH: oneOf('token', 'none').optional(),
  HTTP_TOKEN: z.string().trim().min(TOKEN_LENGTH, TOKEN_TOO_SHORT).optional(),
  HTTP_TOKEN_FILE: text.optional(),
  HTTP_METRICS_AUTH: flag.default(false),
  HTTP_ALLOWED_HOSTS: hosts.optional(),
  HTTP_TLS_CERT_FILE: text.optional(),
  HTTP_TLS_KEY_FILE: text.optional(),
  /** Of who may send calls to POST /api/v1/outcomes; without it nobody may. */
  OUTCOMES_TOKEN: z.string().trim().min(TOKEN_LENGTH, TOKEN_TOO_SHORT).optional(),
  OUTCOMES_TOKEN_FILE: text.optional(),
  /** A Prometheus that is asked for counters of calls, by role poller. */
  OUTCOMES_PROMETHEUS_URL: prometheusUrl.optional(),
  OUTCOMES_PROMETHEUS_QUERY: text.optional(),
  OUTCOMES_PROMETHEUS_LABELS: labels.optional(),
  /** Shared with who reports payers' calls; without it nothing is kept of any payer. */
  PAYERS_KEY: z.string().trim().min(PAYERS_KEY_LENGTH, PAYERS_KEY_TOO_SHORT).optional(),
  PAYERS_KEY_FILE: text.optional(),
  /** Payers kept at most, of those whose buckets are not full. */
  PAYERS_LIMIT: whole(1, 10_000_000).default(100_000),
  LOG_FORMAT: oneOf(...LOG_FORMATS).default('pino'),
  LOG_LEVEL: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent').default('info'),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SettingName = keyof Settings;

export const isSettingName = (name: string): name is SettingName => Object.hasOwn(settingsSchema.shape, name);

/** What two settings must be to one another. */
export const SETTING_RULES: readonly {
  readonly names: readonly SettingName[];
  readonly holds: (settings: Settings) => boolean;
  readonly problem: string;
}[] = [
  {
    names: ['CRITICAL_PERCENT', 'WARNING_PERCENT'],
    holds: (s) => s.CRITICAL_PERCENT < s.WARNING_PERCENT,
    problem: 'CRITICAL_PERCENT: must be below WARNING_PERCENT',
  },
  {
    names: ['PULSAR_TOKEN', 'PULSAR_TOKEN_FILE'],
    holds: (s) => s.PULSAR_TOKEN === undefined || s.PULSAR_TOKEN_FILE === undefined,
    problem: 'PULSAR_TOKEN and PULSAR_TOKEN_FILE are both set: keep one',
  },
  {
    names: ['HTTP_TOKEN', 'HTTP_TOKEN_FILE'],
    holds: (s) => s.HTTP_TOKEN === undefined || s.HTTP_TOKEN_FILE === undefined,
    problem: 'HTTP_TOKEN and HTTP_TOKEN_FILE are both set: keep one',
  },
  {
    names: ['OUTCOMES_TOKEN', 'OUTCOMES_TOKEN_FILE'],
    holds: (s) => s.OUTCOMES_TOKEN === undefined || s.OUTCOMES_TOKEN_FILE === undefined,
    problem: 'OUTCOMES_TOKEN and OUTCOMES_TOKEN_FILE are both set: keep one',
  },
  {
    names: ['PAYERS_KEY', 'PAYERS_KEY_FILE'],
    holds: (s) => s.PAYERS_KEY === undefined || s.PAYERS_KEY_FILE === undefined,
    problem: 'PAYERS_KEY and PAYERS_KEY_FILE are both set: keep one',
  },
  {
    names: ['OUTCOMES_PROMETHEUS_URL', 'OUTCOMES_PROMETHEUS_QUERY'],
    holds: (s) => (s.OUTCOMES_PROMETHEUS_URL === undefined) === (s.OUTCOMES_PROMETHEUS_QUERY === undefined),
    problem: 'OUTCOMES_PROMETHEUS_URL and OUTCOMES_PROMETHEUS_QUERY: a server needs its query, and a query its server',
  },
  {
    names: ['HTTP_TLS_CERT_FILE', 'HTTP_TLS_KEY_FILE'],
    holds: (s) => (s.HTTP_TLS_CERT_FILE === undefined) === (s.HTTP_TLS_KEY_FILE === undefined),
    problem: 'HTTP_TLS_CERT_FILE and HTTP_TLS_KEY_FILE: a certificate needs its key, and a key its certificate',
  },
  {
    names: ['PULSAR_CERT_FILE', 'PULSAR_KEY_FILE'],
    holds: (s) => (s.PULSAR_CERT_FILE === undefined) === (s.PULSAR_KEY_FILE === undefined),
    problem: 'PULSAR_CERT_FILE and PULSAR_KEY_FILE: a certificate needs its key, and a key its certificate',
  },
  {
    names: ['PULSAR_URL', 'PULSAR_CA_FILE', 'PULSAR_CERT_FILE'],
    holds: (s) =>
      s.PULSAR_URL === undefined ||
      s.PULSAR_URL.startsWith('pulsar+ssl:') ||
      (s.PULSAR_CA_FILE === undefined && s.PULSAR_CERT_FILE === undefined),
    problem: 'PULSAR_URL: certificates are set, so it must begin with pulsar+ssl://',
  },
  {
    names: ['RESOLVE_MARGIN', 'WARNING_PERCENT'],
    holds: (s) => s.RESOLVE_MARGIN === 0 || !isAtMost(1, 1, s.WARNING_PERCENT, s.RESOLVE_MARGIN),
    problem: 'RESOLVE_MARGIN: with WARNING_PERCENT it reaches 100 % of the capacity, so no alert could ever resolve',
  },
];

/** A value of the file's `settings`: as text, like the environment's. */
export const scalarSchema = z
  .union([z.string(), z.number(), z.boolean()], { message: 'is neither text, a number, nor true or false' })
  .transform(String);

const ADDRESS = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/;

const bridgeAddress = z.string('is missing').refine(
  (address) => {
    const port = Number(ADDRESS.exec(address)?.[1]);
    return port >= 1 && port <= 65_535;
  },
  { message: 'must be an address of the form host:port' },
);

const tls = z
  .strictObject({
    caFile: text.optional(),
    certFile: text.optional(),
    keyFile: text.optional(),
    serverName: text.optional(),
  })
  .refine((t) => (t.certFile === undefined) === (t.keyFile === undefined), {
    message: 'a certificate needs its key, and a key its certificate',
  });

export type TlsFiles = z.infer<typeof tls>;

/** A participant to poll, as the file has it. */
export const participantSchema = z.strictObject({
  participant: z
    .string('is missing')
    .transform((value) => value.toUpperCase())
    .refine(isParticipant, { message: 'must be an ISPB of 8 letters and digits' }),
  bridge: z.strictObject(
    { address: bridgeAddress, tls: tls.optional() },
    { error: ({ input }) => (input === undefined ? 'is missing' : 'must be an object with an address') },
  ),
});

export type ParticipantInput = z.infer<typeof participantSchema>;

/** Values are not repeated: a connection string holds a password. */
export function describeIssue(issue: z.core.$ZodIssue, where: string): string {
  const path = [where, ...issue.path.map(String)].filter((part) => part !== '').join('.');
  if (issue.code === 'unrecognized_keys') return `${path}: ${issue.keys.join(', ')} is not known here`;
  return `${path}: ${issue.message}`;
}
