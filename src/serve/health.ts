/** Whether this process is fit to serve: what an orchestrator and a human want to know, as one list of checks. */
import { messageOf } from '../errors.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Database, Sql } from '../store/database.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { ANSWER_MS, observe } from './observing.ts';
import { within } from '../waiting.ts';
import { newestObservation } from '../views/latest.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface HealthOptions {
  readonly database: Database;
  readonly now: () => EpochMs;
  readonly staleAfterMs: number;
  /** How long the database may take to answer. Milliseconds. */
  readonly patienceMs?: number;
}

/** The check that tells of others than this process: of the poller, the Bridge, whoever keeps the tables. */
export const OBSERVATIONS = 'observations';

/** Ready: the database answers, its schema is this program's, and observations arrive. */
export async function readiness(options: HealthOptions): Promise<Check[]> {
  const { database, patienceMs = ANSWER_MS } = options;
  const away = (detail: string): Check[] => [{ name: 'database', ok: false, detail }];
  try {
    const checks = observe(database, async (tx) => await check(tx, options));
    return await within(patienceMs, checks, () => away(`no answer within ${patienceMs / 1000} s`));
  } catch (error) {
    return away(messageOf(error));
  }
}

async function check(sql: Sql, { now, staleAfterMs }: HealthOptions): Promise<Check[]> {
  const pending = await pendingMigrations(sql);
  if (pending.length > 0) {
    return [{ name: 'schema', ok: false, detail: `missing ${pending.join(', ')}: run balde migrate` }];
  }
  const migrated: Check = { name: 'schema', ok: true, detail: 'up to date' };
  return [migrated, freshness(await newestObservation(sql), now(), staleAfterMs)];
}

function freshness(newest: EpochMs | null, now: EpochMs, staleAfterMs: number): Check {
  const name = OBSERVATIONS;
  if (newest === null) return { name, ok: false, detail: 'none yet' };
  const seconds = Math.round((now - newest) / 1000);
  return { name, ok: now - newest <= staleAfterMs, detail: `the newest is ${seconds} s old` };
}
