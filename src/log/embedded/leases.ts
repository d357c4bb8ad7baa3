/** Leases of the embedded log: who is the active producer of a name, the active consumer of a partition. */
import type { Database, Session } from '../../store/database.ts';
import { StandingSession } from '../../store/standingSession.ts';
import { Wakeup } from '../../waiting.ts';
import { LogUnavailableError } from '../eventLog.ts';

const CHANNEL = 'balde_log';

export interface Lease {
  readonly name: string;
  readonly epoch: number;
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
  readonly #held = new Map<string, Lease>();
  readonly #standing: StandingSession;
  readonly #timer: NodeJS.Timeout;

  constructor(database: Database, ttlMs: number) {
    this.#ttlMs = ttlMs;
    this.#standing = new StandingSession(database, async (session) => await this.#prepare(session));
    this.#timer = setInterval(() => void this.#renew(), ttlMs / 3);
    this.#timer.unref();
  }

  holds(lease: Lease): boolean {
    return this.#held.get(lease.name)?.epoch === lease.epoch;
  }

  /** The lease, or `null` while someone else holds it. @throws {LogUnavailableError} */
  async take(name: string): Promise<Lease | null> {
    const session = await this.#standing.ready(10_000).catch((cause: unknown) => {
      throw new LogUnavailableError('the embedded log has no database session', { cause });
    });
    const [row] = await session.query<{ epoch: number | null }>(
      `select balde_log.take_lease($1, $2 * interval '1 millisecond') as epoch`,
      [name, this.#ttlMs],
    );
    if (row === undefined || row.epoch === null || session !== this.#standing.current) return null;
    const lease = { name, epoch: row.epoch };
    this.#held.set(name, lease);
    return lease;
  }

  async release(lease: Lease): Promise<void> {
    if (!this.holds(lease)) return;
    this.#held.delete(lease.name);
    // A lost session gives all its leases up by itself.
    await this.#standing.current
      ?.execute(`update balde_log.lease set expires_at = '-infinity' where name = $1 and epoch = $2`, [
        lease.name,
        lease.epoch,
      ])
      .catch(() => undefined);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const lease of [...this.#held.values()]) await this.release(lease);
    await this.#standing.close();
  }

  async #prepare(session: Session): Promise<void> {
    session.onNotification(() => this.wakeup.wake());
    session.onEnd(() => {
      this.#held.clear();
      this.wakeup.wake();
    });
    await session.execute(`listen ${CHANNEL}`);
    this.wakeup.wake();
  }

  async #renew(): Promise<void> {
    const held = [...this.#held.values()];
    const session = this.#standing.current;
    if (held.length === 0 || session === null) return;
    try {
      const kept = await session.query<{ name: string }>(
        `update balde_log.lease l
         set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
         from unnest($1::text[], $2::bigint[]) as h (name, epoch)
         where l.name = h.name and l.epoch = h.epoch
         returning l.name`,
        [held.map((l) => l.name), held.map((l) => l.epoch), this.#ttlMs],
      );
      const names = new Set(kept.map((row) => row.name));
      for (const lease of held) if (!names.has(lease.name)) this.#held.delete(lease.name);
    } catch {
      // The session is going down; its end clears what is held.
    }
  }
}
