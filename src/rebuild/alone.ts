/** One rebuild of a read model at a time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../store/database.ts';
import { Leases } from '../store/leases.ts';
import type { Lease } from '../store/leases.ts';
import { RebuildError } from './errors.ts';

/** Without renewal, as when its process is stopped, a rebuild's lease ends after this long. Milliseconds. */
const LEASE_MS = 10_000;
/** The session of a process that was killed lingers for a moment. Milliseconds. */
const LEASE_PATIENCE_MS = 3_000;

export const rebuildLease = (name: string): string => `rebuild/${name}`;

/** A lease ends with its session: after an outage it has to be taken again. */
export class Alone {
  readonly #leases: Leases;
  readonly #name: string;
  readonly #signal: AbortSignal;
  #lease: Lease | null = null;

  constructor(database: Database, name: string, signal: AbortSignal) {
    this.#leases = new Leases(database, LEASE_MS);
    this.#name = name;
    this.#signal = signal;
  }

  /** Takes the lease, unless it is held. @throws {RebuildError} another rebuild has it */
  async hold(): Promise<void> {
    if (this.#lease !== null && this.#leases.holds(this.#lease)) return;
    // One that was lost with its connection may be one's own for a while, behind a pooler.
    const patience = this.#lease === null ? LEASE_PATIENCE_MS : LEASE_PATIENCE_MS + LEASE_MS;
    const until = performance.now() + patience;
    for (;;) {
      const lease = await this.#leases.take(rebuildLease(this.#name), this.#signal);
      if (lease !== null) {
        this.#lease = lease;
        return;
      }
      if (performance.now() > until)
        throw new RebuildError(
          `another rebuild of ${this.#name} is running: wait for it, or stop it; one that was killed behind a pooler counts as running for ${LEASE_MS / 1_000} s`,
        );
      await delay(100, undefined, { signal: this.#signal });
    }
  }

  async close(): Promise<void> {
    await this.#leases.close();
  }
}
