/**
 * The configuration: environment, and an optional JSON file below it. Checked as a whole before anything starts; every
 * error is listed at once, each naming the variable or the file's field, none repeating a value.
 */
import { OperatorError } from '../errors.ts';
import { resolve } from 'node:path';
import type { CallAlertLevels } from '../domain/callAlerts.ts';
import { FORECAST_RULES } from '../domain/estimate/outlook.ts';
import type { ForecastRules } from '../domain/estimate/outlook.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { LIST_BUDGET } from '../poll/callBudget.ts';
import { overspending } from '../poll/budget.ts';
import type { Schedule } from '../poll/schedule.ts';
import { formatDuration } from './duration.ts';
import { httpOf } from './http.ts';
import type { HttpConfig } from './http.ts';
import { checkNames } from './names.ts';
import { collectParticipants } from './participants.ts';
import type { ParticipantConfig } from './participants.ts';
import { outcomesOf } from './outcomes.ts';
import type { OutcomesConfig } from './outcomes.ts';
import { payersOf } from './payers.ts';
import type { PayersConfig } from './payers.ts';
import { pulsarOf } from './pulsar.ts';
import { describeIssue, SETTING_RULES, settingsSchema } from './schema.ts';
import type { LogFormat, SettingName, Settings } from './schema.ts';
import { readConfigFile, readSecretFile, settingsOfEnvironment } from './sources.ts';
import type { Environment, Layer, Problems } from './sources.ts';

export { NO_PARTICIPANT } from './participants.ts';
export type { ParticipantConfig } from './participants.ts';

export class ConfigurationError extends OperatorError {
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

export interface Config {
  /** `null`: the embedded Postgres in `dataDir`. */
  readonly databaseUrl: string | null;
  /** File that `databaseUrl` was read from, and is read from again. */
  readonly databaseUrlFile: string | null;
  readonly dataDir: string;
  /** `null`: the embedded log, in the database. */
  readonly pulsar: PulsarSettings | null;
  /** Where role archive writes to; nothing by default. */
  readonly archive: {
    readonly dir: string | null;
    readonly eventStoreUrl: string | null;
    /** File that `eventStoreUrl` was read from, and is read from again. */
    readonly eventStoreUrlFile?: string;
  };
  readonly participants: readonly ParticipantConfig[];
  readonly poll: {
    readonly schedule: Schedule;
    readonly whenElected: boolean;
    readonly retireAfterLists: number;
  };
  readonly rules: ThresholdRules;
  /** `null`: no forecasts are made. */
  readonly forecasts: ForecastRules | null;
  readonly callAlerts: CallAlertLevels;
  readonly retentionMonths: number;
  readonly retentionCron: string;
  readonly staleAfterMs: number;
  readonly http: HttpConfig;
  readonly outcomes: OutcomesConfig;
  /** `null`: nothing is kept of any payer. */
  readonly payers: PayersConfig | null;
  readonly logLevel: string;
  readonly logFormat: LogFormat;
}

/** What the command line knows better than environment and file. */
export interface Overrides {
  readonly configFile?: string | undefined;
  readonly dataDir?: string | undefined;
  /** Nobody is polled, or the participants come from elsewhere (the simulator): theirs are not read. */
  readonly withoutParticipants?: boolean | undefined;
  /** The process is going to serve HTTP: then it must be said who may look. */
  readonly serving?: boolean | undefined;
  /** Defaults that differ for one command, weaker than environment and file. */
  readonly defaults?: Layer;
  /** Told what is odd and yet no error. */
  readonly onWarning?: (warning: string) => void;
}

export interface Inspection {
  /** Every problem found; none when the configuration is right. */
  readonly problems: readonly string[];
  /** What is odd and yet no error. */
  readonly warnings: readonly string[];
  /** What is configured, with defaults in the place of what is wrong. */
  readonly config: Config;
  /** Whether `config` says which database is meant: not when that part is what is wrong. */
  readonly databaseKnown: boolean;
}

/** @throws {ConfigurationError} with every problem found */
export function loadConfig(environment: Environment, overrides: Overrides = {}): Config {
  const { problems, config, warnings } = inspectConfig(environment, overrides);
  if (problems.length > 0) throw new ConfigurationError(problems);
  for (const warning of warnings) overrides.onWarning?.(warning);
  return config;
}

/** Reads the configuration as far as it goes: for `balde doctor`, which checks the rest nevertheless. */
export function inspectConfig(environment: Environment, overrides: Overrides = {}): Inspection {
  const problems: Problems = [];
  const file = readConfigFile(overrides.configFile ?? environment['BALDE_CONFIG'], problems);
  const secrets = secretsOf(environment, problems);
  const own = { ...settingsOfEnvironment(environment), ...secrets.settings };
  const merged = merge([overrides.defaults ?? {}, file.settings, own], problems);
  if (overrides.dataDir !== undefined) merged.DATA_DIR = overrides.dataDir;

  const { settings, wrong } = parseSettings(merged, problems);
  const participants = overrides.withoutParticipants === true ? [] : collectParticipants(environment, file, problems);
  const warnings: string[] = [];
  checkNames(environment, problems, warnings);
  const databaseKnown =
    secrets.readable && !wrong.has('DATABASE_URL') && (file.readable || own.DATABASE_URL !== undefined);
  const config = assemble(settings, secrets, participants, problems, overrides.serving === true);
  warnings.push(...budgetWarning(config, Date.now()));
  return { problems, warnings, config, databaseKnown };
}

interface Secrets {
  readonly settings: Layer;
  /** Where the secrets were read from, and are read again. */
  readonly databaseUrlFile: string | null;
  readonly eventStoreUrlFile: string | null;
  /** Which database is meant is not hidden in a file that can't be read. */
  readonly readable: boolean;
}

function secretsOf(environment: Environment, problems: Problems): Secrets {
  const database = readSecretFile(environment, 'DATABASE_URL', problems);
  const eventStore = readSecretFile(environment, 'EVENTSTORE_URL', problems);
  const known = <T>(secret: T | null | 'unreadable'): T | null => (secret === 'unreadable' ? null : secret);
  const [ofDatabase, ofEventStore] = [known(database), known(eventStore)];
  return {
    settings: {
      ...(ofDatabase === null ? {} : { DATABASE_URL: ofDatabase.value }),
      ...(ofEventStore === null ? {} : { EVENTSTORE_URL: ofEventStore.value }),
    },
    databaseUrlFile: ofDatabase?.path ?? null,
    eventStoreUrlFile: ofEventStore?.path ?? null,
    readable: database !== 'unreadable',
  };
}

/** Cron and interval say one thing in two ways: the stronger layer's replaces the weaker one's. */
function merge(layers: readonly Layer[], problems: Problems): Layer {
  let merged: Layer = {};
  for (const layer of layers) {
    const setsCron = layer.POLL_CRON !== undefined;
    const setsInterval = layer.POLL_INTERVAL !== undefined;
    if (setsCron && setsInterval) problems.push('POLL_CRON and POLL_INTERVAL are both set: keep one');
    const { POLL_CRON: _cron, POLL_INTERVAL: _interval, ...others } = merged;
    merged = { ...(setsCron || setsInterval ? others : merged), ...layer };
  }
  return merged;
}

/** Settings, with defaults in the place of wrong ones; which those are is told in `wrong` and `problems`. */
function parseSettings(merged: Layer, problems: Problems): { settings: Settings; wrong: ReadonlySet<SettingName> } {
  const parsed = settingsSchema.safeParse(merged);
  const issues = parsed.success ? [] : parsed.error.issues;
  problems.push(...issues.map((issue) => describeIssue(issue, '')));
  const wrong = new Set(issues.map((issue) => issue.path[0] as SettingName));
  const right = Object.fromEntries(Object.entries(merged).filter(([name]) => !wrong.has(name as SettingName)));
  const settings = parsed.success ? parsed.data : settingsSchema.parse(right);
  for (const { names, holds, problem } of SETTING_RULES) {
    if (names.every((name) => !wrong.has(name)) && !holds(settings)) problems.push(problem);
  }
  return { settings, wrong };
}

function assemble(
  settings: Settings,
  { databaseUrlFile, eventStoreUrlFile }: Secrets,
  participants: readonly ParticipantConfig[],
  problems: Problems,
  serving: boolean,
): Config {
  return {
    databaseUrl: settings.DATABASE_URL ?? null,
    databaseUrlFile,
    dataDir: resolve(settings.DATA_DIR),
    pulsar: pulsarOf(settings, problems),
    archive: {
      dir: settings.ARCHIVE_DIR === undefined ? null : resolve(settings.ARCHIVE_DIR),
      eventStoreUrl: settings.EVENTSTORE_URL ?? null,
      ...(eventStoreUrlFile === null ? {} : { eventStoreUrlFile }),
    },
    participants,
    poll: {
      schedule: scheduleOf(settings),
      whenElected: settings.POLL_WHEN_ELECTED,
      retireAfterLists: settings.RETIRE_AFTER_LISTS,
    },
    rules: {
      warningPercent: settings.WARNING_PERCENT,
      criticalPercent: settings.CRITICAL_PERCENT,
      resolveMargin: settings.RESOLVE_MARGIN,
      forObservations: settings.FOR_OBSERVATIONS,
    },
    forecasts: settings.FORECAST_HORIZON === null ? null : { ...FORECAST_RULES, horizonMs: settings.FORECAST_HORIZON },
    callAlerts: {
      NOT_FOUND_RATE: settings.NOT_FOUND_ALERT_PERCENT,
      QUERIES_PER_PAYMENT_ORDER: settings.QUERIES_PER_ORDER_ALERT,
      UNEXPLAINED: settings.UNEXPLAINED_ALERT_TOKENS,
    },
    retentionMonths: settings.RETENTION_MONTHS,
    retentionCron: settings.RETENTION_CRON,
    staleAfterMs: settings.STALE_AFTER,
    http: httpOf(settings, serving, problems),
    outcomes: outcomesOf(settings, problems),
    payers: payersOf(settings, problems),
    logLevel: settings.LOG_LEVEL,
    logFormat: settings.LOG_FORMAT,
  };
}

function scheduleOf(settings: Settings): Schedule {
  const { POLL_CRON: expression, POLL_INTERVAL: ms, POLL_RESERVE: reservePercent } = settings;
  if (ms !== undefined) return { kind: 'every', ms };
  return expression === undefined ? { kind: 'adaptive', reservePercent } : { kind: 'cron', expression };
}

/** DICT counts the list calls of each participant apart: how many are polled makes no difference. */
function budgetWarning({ participants, poll: { schedule } }: Config, now: number): string[] {
  const spending = participants.length === 0 ? null : overspending(schedule, now);
  if (spending === null) return [];
  const { capacity, refillTokens } = LIST_BUDGET;
  const name = schedule.kind === 'every' ? 'POLL_INTERVAL' : 'POLL_CRON';
  const polls = Math.round(spending.pollsPerMinute * 10) / 10;
  const after = formatDuration(Math.max(1_000, Math.round(spending.refusedAfterMs / 1_000) * 1_000));
  return [
    `${name} polls up to ${polls} times a minute; DICT's POLICIES_LIST gives each participant ${refillTokens} list calls a minute and holds ${capacity}: about ${after} after it was full, polls are refused. Poll every 10s or less often.`,
  ];
}
