/**
 * The log's own count: how many observations each bucket has in each month, told by the log's messages alone, without
 * fold or table. A read model that has lost rows, or has too many, can't agree with it, whatever else is wrong with it.
 */
import { bucketOfKey } from '../domain/events.ts';
import type { BucketKey, EpochMs } from '../domain/events.ts';
import type { TableSpec } from '../domain/fold.ts';
import { addMonths } from '../domain/months.ts';
import type { LogMessage, Position } from '../log/eventLog.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Sql } from '../store/database.ts';
import { monthsOf } from '../store/monthHashes.ts';
import { required } from '../required.ts';
import { schemaOf } from '../store/schemas.ts';
import { joinedKey, quote, tableName } from '../store/sql.ts';
import { beginningOf } from './beginnings.ts';
import type { Beginnings } from './beginnings.ts';
import { timestamp } from './bulkWriter.ts';
import { LogCounter } from './logCounter.ts';
import type { EventSource } from './source.ts';

/** What a message counts as; `null` for one that can't be decoded. */
export type Countable = { readonly key: string; readonly time: EpochMs } | null;

/** Counts a topic's messages while a rebuild reads them, and afterwards as they come. */
export class CountedLog {
  readonly counter = new LogCounter();
  /** How far the source reaches back that was counted; `null` until that is known. */
  beginnings: Beginnings | null = null;
  readonly #topic: string;
  readonly #countable: (message: LogMessage) => Countable;
  readonly #read = new Map<number, Position>();

  constructor(topic: string, countable: (message: LogMessage) => Countable) {
    this.#topic = topic;
    this.#countable = countable;
  }

  /** The source, whose messages are counted as they are read. */
  over(source: EventSource): EventSource {
    const count = (messages: readonly LogMessage[]): void => this.#count(messages);
    return {
      ...source,
      read: async function* (range) {
        for await (const messages of source.read(range)) {
          count(messages);
          yield messages;
        }
      },
    };
  }

  /** Counts what came since. */
  async advance(source: EventSource, signal: AbortSignal): Promise<void> {
    const range = { topic: this.#topic, after: new Map(this.#read), signal };
    for await (const messages of source.read(range)) this.#count(messages);
  }

  #count(messages: readonly LogMessage[]): void {
    for (const message of messages) {
      const found = this.#countable(message);
      if (found !== null) this.counter.add(found.key, found.time);
      const { partition, position } = message;
      if (position > (this.#read.get(partition) ?? '')) this.#read.set(partition, position);
    }
  }
}

/** A month of a bucket of which the log has another number of observations than the table has rows. */
interface CountDifference extends BucketKey {
  readonly month: EpochMs;
  readonly logged: number;
  readonly rows: number;
}

export interface CountCheck {
  /** Rows counted, and months of buckets, that agree. */
  readonly rows: number;
  readonly months: number;
  /** In order of time. */
  readonly differences: readonly CountDifference[];
}

/**
 * Holds the table that has one row for each observation against the log's count: as far as the log goes back, and for
 * each bucket up to the last observation that was counted. Where the log has all there ever was of a participant, it
 * has to account for every row.
 * @param from months before it are not looked at
 */
export async function checkCounts(
  sql: Sql,
  options: {
    readonly projection: { readonly tables: Readonly<Record<string, TableSpec>> };
    readonly served: FoldId;
    readonly counter: LogCounter;
    /** How far the log reaches back; `null` when that is not known. */
    readonly beginnings: Beginnings | null;
    readonly from: EpochMs | null;
  },
): Promise<CountCheck> {
  const { projection, served, counter, beginnings, from } = options;
  const spec = countedTable(projection);
  if (spec === null) return { rows: 0, months: 0, differences: [] };
  const isWhole = (key: string): boolean =>
    beginnings !== null && beginningOf(beginnings, bucketOfKey(key).participant, null) === -Infinity;
  const schema = schemaOf(served);
  const months = new Set(await monthsOf(sql, [schema], spec, null));
  for (const { months: counted, early } of counter.buckets.values())
    for (const month of [...counted.keys(), ...early.keys()]) months.add(month);
  const differences: CountDifference[] = [];
  const equal = { rows: 0, months: 0 };
  for (const month of [...months].sort((a, b) => a - b)) {
    if (from !== null && month < from) continue;
    const found = await rowsOf(sql, { schema, spec, counter, month, isWhole });
    for (const key of new Set([...counter.buckets.keys(), ...found.keys()])) {
      if (!counter.buckets.has(key) && !isWhole(key)) continue;
      const [least, most] = expected(counter, key, month, isWhole(key));
      const rows = found.get(key) ?? 0;
      if (rows >= least && rows <= most) {
        equal.rows += rows;
        if (rows > 0) equal.months += 1;
      } else differences.push({ ...bucketOfKey(key), month, logged: least, rows });
    }
  }
  return { ...equal, differences };
}

/** Fewest and most rows that a bucket may have in a month. */
function expected(counter: LogCounter, key: string, month: EpochMs, isWhole: boolean): readonly [number, number] {
  const bucket = counter.buckets.get(key);
  const { observed, unsure } = bucket?.months.get(month) ?? { observed: 0, unsure: 0 };
  // Where the log does not reach back, what is earlier was there before or not.
  const early = isWhole ? (bucket?.early.get(month)?.observed ?? 0) : 0;
  return [early + observed, early + observed + unsure];
}

/** The table that has one row for each observation; `null` of a read model without one. */
export const countedTable = ({ tables }: { readonly tables: Readonly<Record<string, TableSpec>> }): TableSpec | null =>
  Object.values(tables).find(({ perObservation }) => perObservation) ?? null;

interface Counted {
  readonly schema: string;
  readonly spec: TableSpec;
  readonly counter: LogCounter;
  readonly month: EpochMs;
  readonly isWhole: (key: string) => boolean;
}

/** Rows by bucket: from where the log's count begins to where it ends, of buckets that it does not know all. */
async function rowsOf(sql: Sql, { schema, spec, counter, month, isWhole }: Counted): Promise<Map<string, number>> {
  const buckets = [...counter.buckets];
  const key = joinedKey(`r.${quote(spec.bucket.participant)}`, `r.${quote(spec.bucket.policy)}`);
  const since = `r.${quote(required(spec.since, `table ${spec.table} has a row for each observation`))}`;
  const rows = await sql.query<{ readonly key: string; readonly rows: number }>(
    `select ${key} as key, count(*) as rows from ${tableName(schema, spec.table)} r
     left join unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) b (key, first, last)
       on b.key = ${key}
     where ${since} >= $4::timestamptz and ${since} < $5::timestamptz
       and (b.key is null or ${since} between b.first and b.last)
     group by 1`,
    [
      buckets.map(([name]) => name),
      buckets.map(([name, { first }]) => timestamp(isWhole(name) ? -Infinity : first)),
      buckets.map(([, { last }]) => timestamp(last)),
      timestamp(month),
      timestamp(addMonths(month, 1)),
    ],
  );
  return new Map(rows.map((row) => [row.key, row.rows]));
}
