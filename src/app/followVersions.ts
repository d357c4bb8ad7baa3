/** Keeps the versions of a read model up to date: one consumer for each, as they come and go. */
import { systemClock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import type { FoldRevision } from '../store/schemas.ts';
import { listVersions } from '../store/versions.ts';
import type { Version } from '../store/versions.ts';

/** How soon a version that was put in service or dropped is noticed. Milliseconds. */
const LOOK_MS = 1_000;

interface Running {
  readonly version: Version;
  readonly stop: AbortController;
  /** Settles when it has stopped, with the error that ended it if any. */
  readonly ended: Promise<unknown>;
}

/**
 * Runs `run` for each live version that was written with this code's revision, until `signal` aborts; anew for one that
 * is put in or out of service. Rejects with what a run fails with, unless its version is gone.
 */
export async function followVersions(
  options: {
    readonly database: Database;
    readonly fold: FoldRevision;
    readonly signal: AbortSignal;
    /** Told once that the version in service is of another revision, and there is none that this code writes. */
    readonly onNone?: (served: Version) => void;
  },
  run: (version: Version, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { database, fold, signal } = options;
  const running = new Map<number, Running>();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const failures: unknown[] = [];
  let isTold = false;

  const start = (version: Version): void => {
    const own = new AbortController();
    const ended = run(version, AbortSignal.any([stop, own.signal])).catch(async (error: unknown) => {
      running.delete(version.version);
      if (await isGone(database, version)) return;
      failures.push(error);
      failed.abort();
    });
    running.set(version.version, { version, stop: own, ended });
  };

  try {
    while (!stop.aborted) {
      const live = await liveVersions(database, fold);
      const wanted = live?.filter(({ revision }) => revision === fold.revision) ?? null;
      const served = live?.find((version) => version.served);
      if (served !== undefined && wanted?.length === 0 && !isTold) options.onNone?.(served);
      isTold = wanted?.length === 0;
      // When the database is away, those that run go on waiting for it.
      if (wanted !== null) {
        for (const [number, one] of running) {
          const same = wanted.find(({ version }) => version === number);
          if (same?.served === one.version.served) continue;
          one.stop.abort();
          await one.ended;
          running.delete(number);
        }
        for (const version of wanted) if (!running.has(version.version)) start(version);
      }
      await systemClock.sleep(LOOK_MS, stop);
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    for (const one of running.values()) one.stop.abort();
    await Promise.all([...running.values()].map(async ({ ended }) => ended));
  }
  if (failures.length > 0) throw failures[0];
}

async function liveVersions(database: Database, { name }: FoldRevision): Promise<Version[] | null> {
  try {
    return (await listVersions(database, name)).filter(({ state }) => state === 'live');
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) return null;
    throw error;
  }
}

/** Dropped while it ran: its tables were pulled from under it. */
async function isGone(database: Database, { name, version }: Version): Promise<boolean> {
  const versions = await listVersions(database, name).catch(() => null);
  return versions !== null && !versions.some((one) => one.version === version);
}
