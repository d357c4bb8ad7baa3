/**
 * Payers' buckets are kept as long as they are not full, and no more of them than was allowed. Off unless there is a
 * key: then nothing is read, and what was kept goes.
 */
import { payersFold } from '../../projections/payers/fold.ts';
import type { Between } from '../consume/consumer.ts';
import { DAY_MS } from '../domain/time.ts';
import { LATE_MS } from '../domain/payerBucket.ts';
import type { EpochMs } from '../domain/events.ts';
import { gaugeFrom } from '../serve/instruments.ts';
import { observe } from '../serve/observing.ts';
import type { Sample } from '../serve/samples.ts';
import type { Database, Sql } from '../store/database.ts';
import { countPayers, forgetAllPayers, forgetFull, forgetOfMore } from '../store/payerStates.ts';
import { firstVersionOf, schemaOf } from '../store/schemas.ts';

/** The states of the fold, by key. */
export const PAYERS_SCHEMA = schemaOf(firstVersionOf(payersFold));

/** Why payers are forgotten: they are full again, or there are more than are kept. */
export const FORGOTTEN = ['full', 'limit'] as const;
type Forgotten = (typeof FORGOTTEN)[number];

interface ForgettingOptions {
  readonly database: Sql;
  readonly now: () => EpochMs;
  /** Payers kept at most. */
  readonly most: number;
  readonly onForgotten: (reason: Forgotten, payers: number) => void;
}

/** A look over all of them takes some milliseconds for each ten thousand. Milliseconds. */
const EVERY_MS = 30_000;

/** Between batches. A processor that still remembers what is full answers no differently. */
export class PayersForgetting implements Between {
  readonly isWaiting = false;
  readonly #options: ForgettingOptions;
  #dueAt = -Infinity;

  constructor(options: ForgettingOptions) {
    this.#options = options;
  }

  taken(): void {
    // The look is over all partitions.
  }

  async run(): Promise<'unchanged' | 'changed'> {
    const { database, now, most, onForgotten } = this.#options;
    if (now() < this.#dueAt) return 'unchanged';
    this.#dueAt = now() + EVERY_MS;
    // Windows may come late by LATE_MS, and what is known before one is forgotten that long before it.
    const full = await forgetFull(database, PAYERS_SCHEMA, {
      ...{ now: now(), lateMs: 2 * LATE_MS, longestMs: DAY_MS },
    });
    if (full > 0) onForgotten('full', full);
    const more = await forgetOfMore(database, PAYERS_SCHEMA, most);
    if (more > 0) onForgotten('limit', more);
    return more > 0 ? 'changed' : 'unchanged';
  }
}

/** Resolves when the signal aborts. */
export async function withoutPayers(database: Sql, signal: AbortSignal): Promise<void> {
  await forgetAllPayers(database, PAYERS_SCHEMA);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

const KEPT = gaugeFrom('sample')(
  'balde_payers',
  'Payers of whom something is kept, since their buckets are not full',
  [],
);

/** Milliseconds. */
const SAMPLE_MS = 30_000;

export const payersSample = (database: Pick<Database, 'transaction'>): Sample => ({
  name: 'payers',
  gauges: [KEPT],
  everyMs: SAMPLE_MS,
  read: async () => {
    const n = await observe(database, async (tx) => await countPayers(tx, PAYERS_SCHEMA));
    return [[[{}, n]]];
  },
});
