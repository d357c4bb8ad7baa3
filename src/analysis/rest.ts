/**
 * Where what came before has no part in what comes after: a bucket that was so long so far above all thresholds that
 * whatever rules, whatever their state, have no alert open of it. Reading may begin there instead of at the beginning.
 */
import type { EpochMs } from '../domain/events.ts';
import { levelOf } from '../domain/thresholds.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { Sql } from '../store/database.ts';
import type { Bucket } from '../views/buckets.ts';
import { backwards, isLate } from '../views/observations.ts';
import type { ReadObservation } from '../views/observations.ts';
import type { Alert } from './alerts.ts';
import { FLAP_MS, incidentsOf, judge } from './incidents.ts';

interface RestOptions {
  readonly bucket: Bucket;
  /** Every set that is folded. */
  readonly rules: readonly ThresholdRules[];
  /** The coarser schedule that is folded too. Milliseconds. */
  readonly everyMs?: number | undefined;
  /** The alerts really raised of the bucket, oldest first. */
  readonly real: readonly Alert[];
}

/**
 * The first observation of the last rest before `from`, and before each incident that was really open then or later;
 * `null`: there is none, and all has to be read. Nothing in between is left out.
 */
export async function restBefore(sql: Sql, from: EpochMs, options: RestOptions): Promise<EpochMs | null> {
  const { bucket, real } = options;
  const open = incidentsOf(judge(real, { from: () => null })).find(({ resolvedAt }) => (resolvedAt ?? Infinity) > from);
  const rest = new Rest(options);
  for await (const page of backwards(sql, bucket, Math.min(from, open?.raisedAt ?? from)))
    for (const row of page) if (rest.began(row)) return row.response_time;
  return null;
}

/** Rows from the newest to the oldest. */
class Rest {
  readonly #options: RestOptions;
  /** So many in a row end an alert: the first half may be what brings CRITICAL to WARNING. */
  readonly #enough: number;
  #end: EpochMs | null = null;
  #count = 0;
  #stretch: number | null = null;

  constructor(options: RestOptions) {
    this.#options = options;
    this.#enough = 2 * Math.max(...options.rules.map(({ forObservations }) => forObservations));
  }

  /** Whether a rest that ended later, long enough, begins with this row. */
  began(row: ReadObservation): boolean {
    const { bucket, everyMs, real } = this.#options;
    if (isLate(row, bucket)) return false;
    const { response_time: at } = row;
    if (!this.#isClear(row)) {
      this.#end = this.#stretch = null;
      this.#count = 0;
      return false;
    }
    this.#end ??= at;
    // An alert's end counts against what is raised within that time after it.
    if (this.#end - at < FLAP_MS) return false;
    const stretch = everyMs === undefined ? at : Math.floor(at / everyMs);
    if (stretch !== this.#stretch) this.#count += 1;
    this.#stretch = stretch;
    // What a coarser schedule saw of a stretch may have come before this row.
    const enough = everyMs === undefined ? this.#enough : this.#enough + 1;
    return this.#count >= enough && !real.some((alert) => isOpen(alert, at));
  }

  #isClear({ available_tokens: tokens, capacity }: ReadObservation): boolean {
    return this.#options.rules.every((rules) => levelOf(tokens, capacity, rules, rules.resolveMargin) === 'OK');
  }
}

const isOpen = ({ raisedAt, resolvedAt }: Alert, at: EpochMs): boolean =>
  raisedAt <= at && (resolvedAt === null || resolvedAt >= at);
