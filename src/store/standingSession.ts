/** A database session that comes back by itself after the connection is lost. */
import { doubling, Wakeup } from '../waiting.ts';
import type { Database, Session } from './database.ts';
import { adviceOf, DatabaseUnavailableError, UnfitDatabaseError } from './errors.ts';

export class StandingSession {
  readonly #database: Database;
  readonly #prepare: (session: Session) => Promise<void>;
  readonly #stop = new AbortController();
  readonly #changed = new Wakeup();
  readonly #running: Promise<void>;
  #session: Session | null = null;
  /** What the last attempt failed with. */
  #failure: unknown = null;

  /** `prepare` runs on each new connection before it is handed out: LISTEN, handlers. */
  constructor(database: Database, prepare: (session: Session) => Promise<void>) {
    this.#database = database;
    this.#prepare = prepare;
    this.#running = this.#run();
  }

  /** The live session, or `null` while there is none. */
  get current(): Session | null {
    return this.#session;
  }

  /**
   * Resolves with the live session once there is one; rejects with the signal's reason.
   * @throws {DatabaseUnavailableError} none came within `ms`, or this was closed
   * @throws {UnfitDatabaseError} none will come
   */
  async ready(ms: number, signal: AbortSignal): Promise<Session> {
    const until = performance.now() + ms;
    for (;;) {
      const seen = this.#changed.count;
      if (this.#session !== null) return this.#session;
      const left = until - performance.now();
      if (this.#stop.signal.aborted) throw new DatabaseUnavailableError('the session was closed');
      if (this.#failure instanceof UnfitDatabaseError) throw this.#failure;
      if (left <= 0) throw this.#absence(ms);
      await this.#changed.wait(seen, left, signal);
    }
  }

  /** Why there is none, as far as is known. */
  #absence(ms: number): DatabaseUnavailableError {
    const cause = this.#failure;
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    return new DatabaseUnavailableError(`no database session within ${ms} ms${why}`, {
      cause,
      advice: adviceOf(cause),
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#changed.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let waits = doubling(100, 5_000);
    while (!signal.aborted) {
      try {
        await this.#hold(signal);
        waits = doubling(100, 5_000);
      } catch (error) {
        // Whoever needs the session sees its absence; the next attempt follows.
        this.#failure = error;
        this.#changed.wake();
      }
      await new Wakeup().wait(0, waits.next().value, signal).catch(() => undefined);
    }
  }

  async #hold(signal: AbortSignal): Promise<void> {
    const session = await this.#database.session();
    const ended = new Promise<void>((resolve) => session.onEnd(resolve));
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    try {
      await this.#prepare(session);
      this.#failure = null;
      this.#set(session);
      if (!signal.aborted) await Promise.race([ended, aborted]);
    } finally {
      this.#set(null);
      await session.close();
    }
  }

  #set(session: Session | null): void {
    this.#session = session;
    this.#changed.wake();
  }
}
