/** The faults of a run: how many of each, shuffled by its seed. The machine decides what they hit. */
import { seeded } from './seeded.ts';

/**
 * To a worker. `rival`: a second poller is started while one lives. `pause`: stopped past its partitions'
 * reassignment, then continued. `half-open`: its connections to the broker go silent.
 */
export const TO_WORKERS = ['kill', 'kill at start', 'pause', 'half-open', 'rival'] as const;
/** To what the workers stand on. `restore`: the database goes back to an earlier backup, the topics don't. */
export const TO_SERVERS = ['kill broker', 'kill Postgres', 'restore'] as const;
export type Fault = (typeof TO_WORKERS)[number] | (typeof TO_SERVERS)[number];

/** Of a hundred; at least {@link FEWEST}. */
const SHARES: Readonly<Record<Fault, number>> = {
  kill: 45,
  'kill at start': 10,
  pause: 10,
  'half-open': 8,
  rival: 7,
  'kill broker': 8,
  'kill Postgres': 9,
  restore: 3,
};

/** Of each kind, however short the run. */
export const FEWEST = 2;

export class Deck {
  #left: Fault[];
  readonly dealt: Partial<Record<Fault, number>> = {};

  constructor(kinds: readonly Fault[], total: number, seed: number) {
    const cards = kinds.flatMap((kind) =>
      Array.from({ length: Math.max(FEWEST, Math.ceil((SHARES[kind] * total) / 100)) }, () => kind),
    );
    this.#left = seeded(seed).shuffled(cards);
  }

  /** The next fault of those that fit; `null` when none is left. */
  draw(fits: (fault: Fault) => boolean): Fault | null {
    const at = this.#left.findIndex(fits);
    const fault = this.#left[at];
    if (fault === undefined) return null;
    this.#left = this.#left.filter((_, i) => i !== at);
    this.dealt[fault] = (this.dealt[fault] ?? 0) + 1;
    return fault;
  }
}
