/**
 * The log's own count: how many observations each bucket has in each month, told by the log's messages alone, without
 * fold or table. A read model that has lost rows, or has too many, can't agree with it, whatever else is wrong with it.
 */
import type { EpochMs } from '../domain/events.ts';
import type { TableSpec } from '../domain/fold.ts';
import { addMonths, monthsBetween } from '../domain/months.ts';
import type { LogMessage, Position } from '../log/eventLog.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Row, Sql } from '../store/database.ts';
import type { Bucket } from '../store/monthHashes.ts';
import { schemaOf } from '../store/readModels.ts';
import { partitionedTables } from './bulkWriter.ts';
import { LogCounter } from './logCounter.ts';
import type { EventSource } from './source.ts';

/** What a message counts as; `null` for one that can't be decoded. */
export type Countable = { readonly key: string; readonly time: EpochMs } | null;

/** Counts a topic's messages while a rebuild reads them, and afterwards as they come. */
export class CountedLog {
  readonly counter = new LogCounter();
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
interface CountDifference extends Bucket {
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
 * Holds the table that has one row for each observation against the log's count: as far as the log goes back, and for each
 * bucket up to the last observation that was counted.
 * @param from months before it are not looked at
 */
export async function checkCounts(
  sql: Sql,
  options: {
    readonly projection: { readonly tables: Readonly<Record<string, TableSpec>> };
    readonly served: FoldId;
    readonly counter: LogCounter;
    readonly from: EpochMs | null;
  },
): Promise<CountCheck> {
  const { projection, served, counter, from } = options;
  const [spec] = partitionedTables(projection);
  if (spec === undefined) return { rows: 0, months: 0, differences: [] };
  const buckets = [...counter.buckets.values()];
  if (buckets.length === 0) return { rows: 0, months: 0, differences: [] };
  const [firsts, lasts] = [buckets.map((bucket) => bucket.first), buckets.map((bucket) => bucket.last)];
  const differences: CountDifference[] = [];
  const equal = { rows: 0, months: 0 };
  for (const month of monthsBetween(Math.min(...firsts), Math.max(...lasts))) {
    if (from !== null && month < from) continue;
    const found = await rowsOf(sql, schemaOf(served), spec, counter, month);
    for (const [key, bucket] of counter.buckets) {
      const { observed, unsure } = bucket.months.get(month) ?? { observed: 0, unsure: 0 };
      const rows = found.get(key) ?? 0;
      if (rows >= observed && rows <= observed + unsure) {
        equal.rows += rows;
        if (rows > 0) equal.months += 1;
      } else {
        differences.push({ ...bucketOf(key), month, logged: observed, rows });
      }
    }
  }
  return { ...equal, differences };
}

function bucketOf(key: string): Bucket {
  const colon = key.indexOf(':');
  return { participant: key.slice(0, colon), endpointId: key.slice(colon + 1) };
}

async function rowsOf(
  sql: Sql,
  schema: string,
  { table, since }: TableSpec,
  counter: LogCounter,
  month: EpochMs,
): Promise<Map<string, number>> {
  const iso = (at: EpochMs): string => new Date(at).toISOString();
  const buckets = [...counter.buckets.values()];
  const rows = await sql.query<Row & { readonly key: string; readonly rows: number }>(
    `select b.key, count(*) as rows from "${schema}"."${table}" r
     join unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) b (key, first, last)
       on b.key = r.participant || ':' || r.endpoint_id and r."${since}" between b.first and b.last
     where r."${since}" >= $4::timestamptz and r."${since}" < $5::timestamptz
     group by b.key`,
    [
      [...counter.buckets.keys()],
      buckets.map(({ first }) => iso(first)),
      buckets.map(({ last }) => iso(last)),
      iso(month),
      iso(addMonths(month, 1)),
    ],
  );
  return new Map(rows.map(({ key, rows: count }) => [key, count]));
}
