/** A process among others on its database: each warns about those that judge buckets differently. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config/config.ts';
import { formatDuration } from '../config/duration.ts';
import { forecastVersion } from '../../projections/alerting/forecasting.ts';
import { ruleVersion } from '../domain/thresholds.ts';
import type { Database } from '../store/database.ts';
import { livingProcesses, removeProcess, renewProcess } from '../store/processes.ts';
import type { ProcessEntry } from '../store/processes.ts';
import type { Offices } from './offices.ts';
import { abortable, pause, within } from '../waiting.ts';

const RENEW_MS = 15_000;
/** What it does is told no more often. Milliseconds. */
const SOON_MS = 1_000;
const GOODBYE_MS = 1_000;

export interface PresenceOptions {
  readonly database: Database;
  readonly config: Pick<Config, 'rules' | 'forecasts' | 'staleAfterMs'>;
  readonly roles: readonly string[];
  readonly offices: Offices;
  /** Called once for each process that judges differently. */
  readonly onDifferent: (message: string) => void;
}

/** Announces this process until aborted. Failures are retried; nothing depends on it. */
export async function bePresent(
  { database, config, roles, offices, onDifferent }: PresenceOptions,
  signal: AbortSignal,
): Promise<void> {
  const own: ProcessEntry = {
    ...{ id: randomUUID(), host: hostname(), pid: process.pid, roles },
    ...{ ruleVersion: rulesOf(config), staleAfterMs: config.staleAfterMs },
  };
  const told = new Set<string>();
  const appear = async (): Promise<void> => {
    await renewProcess(database, own, offices.now);
    for (const other of await livingProcesses(database)) {
      if (judgesAlike(own, other) || told.has(other.id)) continue;
      told.add(other.id);
      onDifferent(
        `this process judges buckets with ${judgingText(own)}, but ${processText(other)} with ${judgingText(other)}: alerts follow whichever decides, views the one that started last. Give all of them the same settings.`,
      );
    }
  };
  let appearing = Promise.resolve();
  while (!signal.aborted) {
    // The roles report a database that is unavailable.
    const seen = offices.changed.count;
    appearing = appear().catch(() => undefined);
    await abortable(appearing, signal).catch(() => undefined);
    await pause(SOON_MS, signal);
    await offices.changed.wait(seen, RENEW_MS - SOON_MS, signal).catch(() => undefined);
  }
  // An unavailable database must not delay the exit: the row expires by itself.
  const leaving = appearing.then(async () => await removeProcess(database, own.id));
  await within(
    GOODBYE_MS,
    leaving.catch(() => undefined),
    () => undefined,
  );
}

/** The names of all rules: of thresholds, and of forecasts if any are made. */
const rulesOf = ({ rules, forecasts }: PresenceOptions['config']): string =>
  [ruleVersion(rules), ...(forecasts === null ? [] : [forecastVersion(forecasts)])].join(' ');

const judgesAlike = (one: ProcessEntry, other: ProcessEntry): boolean =>
  one.ruleVersion === other.ruleVersion && one.staleAfterMs === other.staleAfterMs;

export const judgingText = ({ ruleVersion: rules, staleAfterMs }: ProcessEntry): string =>
  `${rules}, stale after ${formatDuration(staleAfterMs)}`;

export const processText = ({ host, pid, roles }: ProcessEntry): string =>
  `process ${pid} on ${host} (${roles.join(', ')})`;

/** Whether all of these judge alike. */
export const allJudgeAlike = (entries: readonly ProcessEntry[]): boolean =>
  entries.every((entry) => judgesAlike(entry, entries[0] ?? entry));
