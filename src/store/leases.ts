/**
 * Leases: who is the active producer of a name and the active consumer of a partition of the embedded log, who
 * rebuilds. Nobody but the owner of their table can take one.
 */
import type { Database, Parameter, Session } from './database.ts';
import { StandingSession } from './standingSession.ts';
import { abortable, Wakeup } from '../waiting.ts';

const CHANNEL = 'balde_log';
/** How long to wait for a session when there is none. Milliseconds. */
const PATIENCE_MS = 10_000;
/** A statement on the session without an answer for so long means that the peer is gone. Milliseconds. */
const SILENCE_MS = 5_000;

export interface Lease {
  readonly name: string;
  readonly epoch: number;
}

interface Held {
  readonly lease: Lease;
  /** When it ends unless renewed, by `performance.now()`: counted from the asking, so never later than the server's. */
  until: number;
}

/**
 * Takes, renews and gives up leases on one standing session, which also listens for new messages.
 *
 * A lease ends with the session, at once, or when it isn't renewed in time, as when the process is stopped. Neither is
 * relied on for correctness: a holder that lost its lease unawares is refused by its epoch (producers) or by the
 * checkpoint's compare-and-set (consumers).
 */
export class Leases {
  /** Woken by every append and every change of the session. */
  readonly wakeup = new Wakeup();
  readonly #ttlMs: number;
  readonly #held = new Map<string, Held>();
  /** Names being taken at this moment: two handles of one process must not both get a lease. */
  readonly #asking = new Set<string>();
  readonly #standing: StandingSession;
  readonly #timer: NodeJS.Timeout;

  constructor(database: Database, ttlMs: number) {
    this.#ttlMs = ttlMs;
    this.#standing = new StandingSession(database, async (session) => await this.#prepare(session));
    this.#timer = setInterval(() => void this.#renew(), ttlMs / 3);
    this.#timer.unref();
  }

  holds(lease: Lease): boolean {
    const held = this.#held.get(lease.name);
    return held?.lease.epoch === lease.epoch && performance.now() < held.until;
  }

  /** The lease, or `null` while someone else holds it. @throws {DatabaseUnavailableError} */
  async take(name: string, signal: AbortSignal): Promise<Lease | null> {
    const taking = this.#take(name, signal);
    try {
      return await abortable(taking, signal);
    } catch (error) {
      // Should the answer still come, nobody wants it.
      void taking.then(
        async (late) => (late === null ? undefined : await this.release(late)),
        () => undefined,
      );
      throw error;
    }
  }

  async #take(name: string, signal: AbortSignal): Promise<Lease | null> {
    const known = this.#held.get(name);
    if (this.#asking.has(name) || (known !== undefined && this.holds(known.lease))) return null;
    this.#asking.add(name);
    try {
      const session = await this.#standing.ready(PATIENCE_MS, signal);
      const until = performance.now() + this.#ttlMs;
      const [row] = await this.#ask<{ epoch: number | null }>(
        session,
        `select balde_log.take_lease($1, $2 * interval '1 millisecond') as epoch`,
        [name, this.#ttlMs],
      );
      if (row === undefined || row.epoch === null || session !== this.#standing.current) return null;
      const lease = { name, epoch: row.epoch };
      this.#held.set(name, { lease, until });
      return lease;
    } finally {
      this.#asking.delete(name);
    }
  }

  async release(lease: Lease): Promise<void> {
    if (this.#held.get(lease.name)?.lease.epoch !== lease.epoch) return;
    this.#held.delete(lease.name);
    const session = this.#standing.current;
    // A lost session gives all its leases up by itself.
    if (session === null) return;
    await this.#ask(session, `delete from balde_log.lease where name = $1 and epoch = $2`, [
      lease.name,
      lease.epoch,
    ]).catch(() => undefined);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const { lease } of [...this.#held.values()]) await this.release(lease);
    await this.#standing.close();
  }

  async #prepare(session: Session): Promise<void> {
    session.onNotification(() => this.wakeup.wake());
    session.onEnd(() => {
      this.#held.clear();
      this.wakeup.wake();
    });
    await session.execute(`listen ${CHANNEL}`);
    // Left behind by processes that were killed. Long expired only: whoever was just paused finds its own.
    await session.execute(
      `delete from balde_log.lease where name in (
         select name from balde_log.lease where expires_at < clock_timestamp() - interval '1 hour'
         for update skip locked
       )`,
    );
    this.wakeup.wake();
  }

  async #renew(): Promise<void> {
    const held = [...this.#held.values()];
    const session = this.#standing.current;
    if (held.length === 0 || session === null) return;
    try {
      const until = performance.now() + this.#ttlMs;
      const kept = await this.#ask<{ name: string }>(
        session,
        `update balde_log.lease l
         set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
         from unnest($1::text[], $2::bigint[]) as h (name, epoch)
         where l.name = h.name and l.epoch = h.epoch
         returning l.name`,
        [held.map(({ lease }) => lease.name), held.map(({ lease }) => lease.epoch), this.#ttlMs],
      );
      const names = new Set(kept.map((row) => row.name));
      for (const entry of held) {
        if (names.has(entry.lease.name)) entry.until = until;
        else if (this.#held.get(entry.lease.name) === entry) this.#held.delete(entry.lease.name);
      }
    } catch {
      // The session is going down; its end clears what is held.
    }
  }

  /** A session whose peer is silent is given up: its leases are over anyway, and a new one comes by itself. */
  async #ask<R extends object>(session: Session, text: string, parameters: readonly Parameter[]): Promise<R[]> {
    const silent = setTimeout(() => void session.close(), Math.max(this.#ttlMs, SILENCE_MS));
    try {
      return await session.query<R>(text, parameters);
    } finally {
      clearTimeout(silent);
    }
  }
}
