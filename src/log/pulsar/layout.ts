/** The ledgers of a partition, as its broker has them: which positions exist, and what follows what. */
import type { MessagePlace } from './position.ts';

/** Of `internalStats` (`PersistentTopicInternalStats` of the REST interface), the fields used here. */
export interface LedgerStats {
  readonly ledgers: readonly { readonly ledgerId: number; readonly entries: number }[];
  /** Entries of the last ledger, which is still written to and listed with 0. */
  readonly currentLedgerEntries: number;
  readonly state?: string;
}

interface Ledger {
  readonly id: number;
  readonly entries: number;
}

export class Layout {
  readonly #ledgers: readonly Ledger[];
  /** An administrator has ended it: nothing can be added, ever. */
  readonly isTerminated: boolean;

  constructor({ ledgers, currentLedgerEntries, state }: LedgerStats) {
    this.isTerminated = state === 'Terminated';
    this.#ledgers = ledgers.map(({ ledgerId, entries }, i) => ({
      id: ledgerId,
      entries: i === ledgers.length - 1 ? Math.max(entries, currentLedgerEntries) : entries,
    }));
  }

  get oldest(): MessagePlace | null {
    const first = this.#ledgers.find(({ entries }) => entries > 0);
    return first === undefined ? null : { ledger: first.id, entry: 0, batch: -1 };
  }

  get newest(): MessagePlace | null {
    const last = this.#ledgers.findLast(({ entries }) => entries > 0);
    return last === undefined ? null : { ledger: last.id, entry: last.entries - 1, batch: -1 };
  }

  /** Whether the entry is still there. */
  has({ ledger, entry }: MessagePlace): boolean {
    return this.#ledgers.some(({ id, entries }) => id === ledger && entry < entries);
  }

  /** First entry after `place`; `null` when there is none yet. */
  after({ ledger, entry }: MessagePlace): MessagePlace | null {
    for (const { id, entries } of this.#ledgers) {
      if (id === ledger && entry + 1 < entries) return { ledger, entry: entry + 1, batch: -1 };
      if (id > ledger && entries > 0) return { ledger: id, entry: 0, batch: -1 };
    }
    return null;
  }

  /** Last entry before `place`; `null` when there is none. */
  before({ ledger, entry }: MessagePlace): MessagePlace | null {
    const own = this.#ledgers.find(({ id }) => id === ledger);
    if (own !== undefined && entry > 0) return { ledger, entry: entry - 1, batch: -1 };
    const before = this.#ledgers.findLast(({ id, entries }) => id < ledger && entries > 0);
    return before === undefined ? null : { ledger: before.id, entry: before.entries - 1, batch: -1 };
  }

  /** The place that the last `n` entries follow; `null` when there are no more than that. */
  beforeLast(n: number): MessagePlace | null {
    let left = n;
    for (const { id, entries } of [...this.#ledgers].reverse()) {
      if (entries > left) return { ledger: id, entry: entries - left - 1, batch: -1 };
      left -= entries;
    }
    return null;
  }

  /** The `n`-th entry after `place`, from 0; of all of them for `null`. `undefined` when there are not so many. */
  nth(n: number, place: MessagePlace | null): MessagePlace | undefined {
    let left = n;
    for (const { id, entries } of this.#ledgers) {
      if (place !== null && id < place.ledger) continue;
      const first = id === place?.ledger ? place.entry + 1 : 0;
      if (first + left < entries) return { ledger: id, entry: first + left, batch: -1 };
      left -= Math.max(0, entries - first);
    }
    return undefined;
  }

  /** Entries after `place`; all of them for `null`. */
  behind(place: MessagePlace | null): number {
    let count = 0;
    for (const { id, entries } of this.#ledgers) {
      if (place === null || id > place.ledger) count += entries;
      else if (id === place.ledger) count += Math.max(0, entries - place.entry - 1);
    }
    return count;
  }
}
