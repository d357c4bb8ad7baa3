/** Counts the different times at which each bucket was observed, month by month, in little memory. */
import type { EpochMs } from '../domain/events.ts';
import { addMonths, monthOf } from '../domain/months.ts';

/** One bucket's count of one month. */
interface MonthCount {
  /** Different times at which it was observed. */
  observed: number;
  /** Repeated or late, and too old to tell which. */
  unsure: number;
  /** The times themselves, ascending, as milliseconds from the month's start; empty when they are not kept any more. */
  times: Uint32Array;
}

interface BucketCount {
  /** When the first observation that the log has happened: what is older was there before. */
  readonly first: EpochMs;
  last: EpochMs;
  readonly months: Map<EpochMs, MonthCount>;
  /** Of those from before the first, as a clock that stepped back leaves them: few, and all remembered. */
  readonly early: Map<EpochMs, MonthCount>;
}

/** Months, the present one among them, of which each bucket's times are remembered: four bytes each. */
const REMEMBERED = 2;

export class LogCounter {
  readonly #buckets = new Map<string, BucketCount>();

  /**
   * Counts one observation, however often it is given and whenever it comes.
   * @param key `participant:policy`
   */
  add(key: string, time: EpochMs): void {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { first: time, last: -Infinity, months: new Map(), early: new Map() };
      this.#buckets.set(key, bucket);
    }
    const start = monthOf(time);
    if (time < bucket.first) {
      const early = bucket.early.get(start) ?? { observed: 0, unsure: 0, times: new Uint32Array(SMALLEST) };
      bucket.early.set(start, early);
      insert(early, time - start);
      return;
    }
    const month = bucket.months.get(start) ?? begun(bucket, start);
    if (time > bucket.last) {
      bucket.last = time;
      append(month, time - start);
    } else if (month.times.length === 0) month.unsure += 1;
    else insert(month, time - start);
  }

  get buckets(): ReadonlyMap<string, Readonly<BucketCount>> {
    return this.#buckets;
  }
}

const SMALLEST = 64;

function begun(bucket: BucketCount, start: EpochMs): MonthCount {
  const remembered = start > bucket.last - REMEMBERED * 31 * 86_400_000;
  const month = { observed: 0, unsure: 0, times: new Uint32Array(remembered ? SMALLEST : 0) };
  bucket.months.set(start, month);
  const oldest = addMonths(start, 1 - REMEMBERED);
  for (const [other, count] of bucket.months) if (other < oldest) count.times = new Uint32Array(0);
  return month;
}

function append(month: MonthCount, offset: number): void {
  if (month.observed === month.times.length) {
    const larger = new Uint32Array(2 * month.times.length);
    larger.set(month.times);
    month.times = larger;
  }
  month.times[month.observed] = offset;
  month.observed += 1;
}

/** Late, or repeated: counted unless it is there. */
function insert(month: MonthCount, offset: number): void {
  let low = 0;
  let high = month.observed;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((month.times[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  if (low < month.observed && month.times[low] === offset) return;
  append(month, offset);
  month.times.copyWithin(low + 1, low, month.observed - 1);
  month.times[low] = offset;
}
