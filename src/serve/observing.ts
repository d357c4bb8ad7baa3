/**
 * Reading for those who only watch: bounded in time, one asker for all who ask the same, never in the way of the work.
 */
import type { Database, DatabaseOptions, Sql } from '../store/database.ts';
import { DatabaseUnavailableError, isLockTimeout } from '../store/errors.ts';

/**
 * What one answer may take altogether. Prometheus gives up after 10 s, an orchestrator's probe sooner. Milliseconds.
 */
export const ANSWER_MS = 5_000;
/** A lock that someone else holds is not waited for longer. Milliseconds. */
const LOCK_MS = 2_000;
/** The server ends a statement then, whether or not anyone still wants its answer. Milliseconds. */
const STATEMENT_MS = 4_000;

/** A pool of its own: whoever watches, and however many they are, the work keeps all of its connections. */
export const observingPool = (work: DatabaseOptions): DatabaseOptions => ({
  ...work,
  poolSize: 2,
  applicationName: 'balde-http',
  statementTimeoutMs: STATEMENT_MS + 1_000,
});

/** What a question about all of history may take. Milliseconds. */
const STUDY_MS = 60_000;

/** One connection for questions that read much: they wait for one another, and nobody else waits for them. */
export const longObservingPool = (work: DatabaseOptions): DatabaseOptions => ({
  ...observingPool(work),
  poolSize: 1,
  applicationName: 'balde-http-study',
  statementTimeoutMs: STUDY_MS,
});

/**
 * Reads in one snapshot; no statement takes longer than `statementMs`. The limits are set inside the transaction: a
 * pooler between here and the server may lose what a session was given.
 * @throws {DatabaseUnavailableError} the database is away, or what is asked for is locked
 */
export async function observe<T>(
  database: Pick<Database, 'transaction'>,
  read: (tx: Sql) => Promise<T>,
  statementMs = STATEMENT_MS,
): Promise<T> {
  try {
    return await database.transaction(async (tx) => {
      await tx.execute(
        `set transaction isolation level repeatable read, read only;
         set local lock_timeout = ${Math.min(LOCK_MS, statementMs)}; set local statement_timeout = ${statementMs}`,
      );
      return await read(tx);
    });
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    const what = `another session holds a lock on what is asked for; waited ${Math.min(LOCK_MS, statementMs) / 1000} s`;
    throw new DatabaseUnavailableError(what, { cause: error });
  }
}

/** Work that is under way at most once: whoever asks meanwhile gets the same answer. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return async () => {
    running ??= work().finally(() => (running = null));
    return await running;
  };
}

/** The same for questions that differ: whoever asks the same meanwhile gets the same answer. What is asked is JSON. */
export function sharedBy<Q, T>(work: (asked: Q) => Promise<T>): (asked: Q) => Promise<T> {
  const running = new Map<string, Promise<T>>();
  return async (asked) => {
    const key = JSON.stringify(asked);
    const known = running.get(key);
    if (known !== undefined) return await known;
    const answer = work(asked).finally(() => running.delete(key));
    running.set(key, answer);
    return await answer;
  };
}
