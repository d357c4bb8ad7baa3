/** How often an address may be wrong: some times at once, then one at a time. */
import type { EpochMs } from '../domain/events.ts';

export interface FailureLimits {
  /** So many at once. */
  readonly burst: number;
  /** Then one in so long. Milliseconds. */
  readonly everyMs: number;
  /** Addresses remembered: the longest unheard of is forgotten first. */
  readonly addresses: number;
}

const LIMITS: FailureLimits = { burst: 10, everyMs: 6_000, addresses: 1_000 };

export class Failures {
  readonly #limits: FailureLimits;
  /** When each address's failures are forgotten. */
  readonly #until = new Map<string, EpochMs>();

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  /** How long the address has to wait before it may try again; 0: not at all. Milliseconds. */
  waitMs(address: string | undefined, now: EpochMs): number {
    const { burst, everyMs } = this.#limits;
    return Math.max(0, (this.#until.get(neighbourhood(address)) ?? 0) - now - (burst - 1) * everyMs);
  }

  count(address: string | undefined, now: EpochMs): void {
    const { everyMs, addresses } = this.#limits;
    const name = neighbourhood(address);
    const until = Math.max(now, this.#until.get(name) ?? 0) + everyMs;
    this.#until.delete(name);
    this.#until.set(name, until);
    const [oldest] = this.#until.keys();
    if (this.#until.size > addresses && oldest !== undefined) this.#until.delete(oldest);
  }
}

/** Whoever has an address of IPv6 has 2⁶⁴ of them. */
function neighbourhood(address = ''): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? plain.split(':').slice(0, 4).join(':') : plain;
}
