/** Whether this process is fit to serve: what an orchestrator and a human want to know, as one list of checks. */
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
}

/** Ready: the database answers, its schema is this program's, and observations arrive. */
export async function readiness({ database, now, staleAfterMs }: HealthOptions): Promise<Check[]> {
  try {
    const pending = await pendingMigrations(database);
    const migrated: Check = {
      name: 'schema',
      ok: pending.length === 0,
      detail: pending.length === 0 ? 'up to date' : `missing ${pending.join(', ')}: run balde migrate`,
    };
    if (!migrated.ok) return [migrated];
    return [migrated, freshness(await newestObservation(database), now(), staleAfterMs)];
  } catch (error) {
    return [{ name: 'database', ok: false, detail: error instanceof Error ? error.message : String(error) }];
  }
}

function freshness(newest: EpochMs | null, now: EpochMs, staleAfterMs: number): Check {
  const name = 'observations';
  if (newest === null) return { name, ok: false, detail: 'none yet' };
  const seconds = Math.round((now - newest) / 1000);
  return { name, ok: now - newest <= staleAfterMs, detail: `the newest is ${seconds} s old` };
}
