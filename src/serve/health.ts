/** Whether this process is fit to serve: what an orchestrator and a human want to know, as one list of checks. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EpochMs } from '../domain/events.ts';
import type { Database } from '../store/database.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { newestObservation } from './readModels.ts';

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

/** An orchestrator's probe gives up sooner than a silent connection does. Milliseconds. */
const PATIENCE_MS = 5_000;

/** Ready: the database answers, its schema is this program's, and observations arrive. */
export async function readiness(options: HealthOptions): Promise<Check[]> {
  const { patienceMs = PATIENCE_MS } = options;
  const given = new AbortController();
  const database = (detail: string): Check[] => [{ name: 'database', ok: false, detail }];
  const silence = delay(patienceMs, database(`no answer within ${patienceMs / 1000} s`), {
    signal: given.signal,
  });
  try {
    return await Promise.race([check(options), silence]);
  } catch (error) {
    return database(error instanceof Error ? error.message : String(error));
  } finally {
    silence.catch(() => undefined);
    given.abort();
  }
}

async function check({ database, now, staleAfterMs }: HealthOptions): Promise<Check[]> {
  const pending = await pendingMigrations(database);
  if (pending.length > 0) {
    return [{ name: 'schema', ok: false, detail: `missing ${pending.join(', ')}: run balde migrate` }];
  }
  const migrated: Check = { name: 'schema', ok: true, detail: 'up to date' };
  return [migrated, freshness(await newestObservation(database), now(), staleAfterMs)];
}

function freshness(newest: EpochMs | null, now: EpochMs, staleAfterMs: number): Check {
  const name = 'observations';
  if (newest === null) return { name, ok: false, detail: 'none yet' };
  const seconds = Math.round((now - newest) / 1000);
  return { name, ok: now - newest <= staleAfterMs, detail: `the newest is ${seconds} s old` };
}
