/**
 * Proof that two versions of a read model agree, bucket by bucket and, in tables that grow, month by month, and that
 * months which are over are still what they were.
 */
import { bucketKey } from '../domain/events.ts';
import type { BucketKey, EpochMs } from '../domain/events.ts';
import type { Projection } from '../domain/fold.ts';
import { addMonths } from '../domain/months.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { firstDifference, hashBuckets, monthsOf } from '../store/monthHashes.ts';
import type { MonthHash, RowDifference } from '../store/monthHashes.ts';
import { schemaOf } from '../store/schemas.ts';
import { loadSeals, saveSeals } from '../store/seals.ts';
import type { Seal } from '../store/seals.ts';
import { participantOf, policyOf, tableName } from '../store/sql.ts';
import type { Version } from '../store/versions.ts';
import { sharedBy, tablesOf } from './shared.ts';
import type { OnlyIn, Shared } from './shared.ts';
import type { Unlogged } from './unlogged.ts';

export interface Difference extends BucketKey {
  readonly table: string;
  /** `null` in a table that holds what is true now: it has no months. */
  readonly month: EpochMs | null;
  /** Rows of the bucket in that month, or in the table that has no months, in the one and the other. */
  readonly rows: readonly [number, number];
  readonly first: RowDifference | null;
}

/** What was found equal. */
interface Equal {
  /** Rows of tables that grow, and buckets' months: each once, however often it was looked at. */
  readonly rows: number;
  readonly months: number;
  /** Rows of tables that hold what is true now; not among `rows`. */
  readonly current: number;
}

export interface Comparison extends Equal {
  /** Buckets and calendar months in which rows were found equal. */
  readonly buckets: number;
  readonly calendarMonths: readonly EpochMs[];
  readonly left: number;
  readonly right: number;
  /** In order of time, those without a month last; empty when the versions agree. */
  readonly differences: readonly Difference[];
  /** Buckets, as `participant:policy`, whose states stayed apart: one version has not read all that the other has. */
  readonly apart: readonly string[];
  /** What only one of the versions has: they are of different revisions. */
  readonly onlyIn: readonly OnlyIn[];
}

export interface CompareOptions<E, S, T extends string> {
  readonly database: Database;
  readonly projection: Projection<E, S, T>;
  readonly left: FoldId;
  readonly right: FoldId;
  /** Brings both to the end of the log, before each look. */
  readonly catchUp: () => Promise<unknown>;
  readonly signal: AbortSignal;
  readonly onMonth?: (month: EpochMs) => void;
}

/** What differs is looked at again, in case it was changing. */
const LOOKS = 4;
/** While events come fast, one version is mostly some behind the other: that is no difference, and passes. */
const LOOKS_APART = 40;

/**
 * Compares what two versions have in common, in every bucket, each look in one snapshot while the processors go on.
 * Buckets whose states are equal have read the same events; those whose are not, or whose rows differ, are looked at
 * again, and they alone.
 */
export async function compareVersions<E, S, T extends string>(options: CompareOptions<E, S, T>): Promise<Comparison> {
  const { left, right, catchUp, signal } = options;
  const shared = await sharedBy(options.database, options.projection.tables, [left, right]);
  const equal = new Map<string, Equal>();
  const months = new Set<EpochMs>();
  let look: Look | null = null;
  const isDue = (n: number): boolean =>
    look === null || (look.open.size > 0 && n < (look.differences.length > 0 ? LOOKS : LOOKS_APART));
  for (let n = 0; isDue(n); n += 1) {
    signal.throwIfAborted();
    await catchUp();
    const next: Look = await lookOnce(options, shared, look === null ? null : [...look.open.values()]);
    // A bucket that was looked at again counts as it was found last.
    for (const bucket of look?.open.keys() ?? []) equal.delete(bucket);
    for (const [bucket, found] of next.equal) equal.set(bucket, found);
    for (const month of next.months) months.add(month);
    look = next;
  }
  const sum = (what: keyof Equal): number => [...equal.values()].reduce((n, found) => n + found[what], 0);
  const time = ({ month }: Difference): number => month ?? Number.MAX_SAFE_INTEGER;
  return {
    left: left.version,
    right: right.version,
    rows: sum('rows'),
    months: sum('months'),
    current: sum('current'),
    buckets: equal.size,
    calendarMonths: [...months].sort((a, b) => a - b),
    differences: [...(look?.differences ?? [])].sort((a, b) => time(a) - time(b)),
    apart: [...(look?.apart.keys() ?? [])],
    onlyIn: shared.onlyIn,
  };
}

/** Whether every row that was found equal was taken over from the version it was compared with, or there was none. */
export function wasNothingCompared(
  { rows, current, differences, apart }: Comparison,
  takenOver: readonly Unlogged[],
): boolean {
  const copied = takenOver.reduce((sum, one) => sum + one.rows, 0);
  return differences.length === 0 && apart.length === 0 && rows + current <= copied;
}

/** Buckets by name. */
type Buckets = ReadonlyMap<string, BucketKey>;

interface Look {
  /** By bucket. */
  readonly equal: ReadonlyMap<string, Equal>;
  /** In which any bucket was found equal. */
  readonly months: ReadonlySet<EpochMs>;
  readonly differences: readonly Difference[];
  readonly apart: Buckets;
  /** To be looked at again. */
  readonly open: Buckets;
}

async function lookOnce<E, S, T extends string>(
  { database, projection, left, right, signal, onMonth }: CompareOptions<E, S, T>,
  shared: Shared,
  only: readonly BucketKey[] | null,
): Promise<Look> {
  const schemas = [schemaOf(left), schemaOf(right)] as const;
  return await database.transaction(async (tx) => {
    // States and rows of one moment: only so do equal states say that the rows have to be equal.
    await tx.execute('set transaction isolation level repeatable read read only');
    const apart = await bucketsApart(tx, schemas, only, [...(projection.memory ?? []), ...shared.fields]);
    const comparable = (bucket: BucketKey): boolean => !apart.has(bucketKey(bucket));
    const among = only?.filter(comparable) ?? null;
    const equal = new Map<string, Equal>();
    const months = new Set<EpochMs>();
    const differences: Difference[] = [];
    for (const spec of shared.tables) {
      for (const month of spec.since === undefined ? [null] : await monthsOf(tx, schemas, spec, among)) {
        signal.throwIfAborted();
        const part = { month, only: among };
        const ours = (await hashBuckets(tx, schemas[0], spec, part)).filter(comparable);
        const theirs = (await hashBuckets(tx, schemas[1], spec, part)).filter(comparable);
        const found = differing(ours, theirs);
        for (const { participant, policy, counts: rows } of found) {
          const where = { month, only: [{ participant, policy }] };
          const first = await firstDifference(tx, schemas, spec, where);
          differences.push({ table: spec.table, month, participant, policy, rows, first });
        }
        const unequal = new Set(found.map(bucketKey));
        const same = ours.filter((hash) => !unequal.has(bucketKey(hash)));
        // Sums are equal because what they add up is.
        if (spec.sums !== undefined) continue;
        count(equal, month, same);
        if (month !== null && same.length > 0) months.add(month);
        if (month !== null) onMonth?.(month);
      }
    }
    const open = new Map([...apart, ...differences.map((bucket) => [bucketKey(bucket), bucket] as const)]);
    return { equal, months, differences, apart, open };
  });
}

function count(equal: Map<string, Equal>, month: EpochMs | null, hashes: readonly MonthHash[]): void {
  for (const hash of hashes) {
    const { rows, months, current } = equal.get(bucketKey(hash)) ?? { rows: 0, months: 0, current: 0 };
    equal.set(
      bucketKey(hash),
      month === null
        ? { rows, months, current: current + hash.rows }
        : { rows: rows + hash.rows, months: months + 1, current },
    );
  }
}

/** Buckets, of some or all, whose states differ, or that one version does not know. */
async function bucketsApart(
  sql: Sql,
  [left, right]: readonly [string, string],
  only: readonly BucketKey[] | null,
  ignored: readonly string[],
): Promise<Buckets> {
  const rows = await sql.query<BucketKey>(
    `select ${participantOf('key')} as participant, ${policyOf('key')} as policy
     from ${tableName(left, 'fold_state')} a full join ${tableName(right, 'fold_state')} b using (key)
     where a.state - $2::text[] is distinct from b.state - $2::text[]
       and ($1::text[] is null or key = any ($1::text[]))`,
    [only?.map(bucketKey) ?? null, ignored],
  );
  return new Map(rows.map((bucket) => [bucketKey(bucket), bucket]));
}

interface Found extends BucketKey {
  readonly counts: readonly [number, number];
}

function differing(left: readonly MonthHash[], right: readonly MonthHash[]): Found[] {
  const others = new Map(right.map((hash) => [bucketKey(hash), hash]));
  const found: Found[] = [];
  for (const hash of left) {
    const other = others.get(bucketKey(hash));
    others.delete(bucketKey(hash));
    if (other?.hash !== hash.hash) found.push({ ...hash, counts: [hash.rows, other?.rows ?? 0] });
  }
  for (const hash of others.values()) found.push({ ...hash, counts: [0, hash.rows] });
  return found;
}

/** A month is over, and late answers of it have come, this long after its end. */
const SETTLED_MS = 24 * 3_600_000;

export interface SealCheck {
  /** Months, by bucket, whose rows are what they were. */
  readonly intact: number;
  /** Those that are not: their rows and hash then and now. */
  readonly altered: readonly (Seal & { readonly now: MonthHash | null })[];
  readonly sealed: number;
}

/**
 * Compares sealed months of the served version with their seals, and seals those that are over and have none. Of the
 * table that has a row for each observation: others are written again, in whichever month. All columns of the version
 * count, whichever revision it is of.
 */
export async function checkSeals<E, S, T extends string>(options: {
  readonly database: Database;
  readonly projection: Projection<E, S, T>;
  readonly served: Version;
  /** Whether months without a seal get one: only what was just found equal to the log deserves it. */
  readonly seal: boolean;
  /** Rows that were taken over rather than found in the log: their months deserve none. */
  readonly takenOver: readonly Unlogged[];
  readonly now: EpochMs;
  readonly horizon: EpochMs | null;
}): Promise<SealCheck> {
  const { database, projection, served, seal, takenOver, now, horizon } = options;
  const unchecked = new Set(takenOver.map(({ month }) => month));
  const spec = (await tablesOf(database, projection.tables, served)).find(({ perObservation }) => perObservation);
  if (spec === undefined) return { intact: 0, altered: [], sealed: 0 };
  const schema = schemaOf(served);
  const seals = await loadSeals(database, served);
  const altered: (Seal & { now: MonthHash | null })[] = [];
  let intact = 0;
  let sealed = 0;
  const months = new Set([...(await monthsOf(database, [schema], spec, null)), ...seals.keys()]);
  for (const month of [...months].sort((a, b) => a - b)) {
    // What retention has dropped can't be looked at any more.
    if (horizon !== null && month < horizon) continue;
    if (addMonths(month, 1) + SETTLED_MS > now) continue;
    const hashes = await hashBuckets(database, schema, spec, { month, only: null });
    const known = seals.get(month);
    if (known === undefined) {
      if (seal && !unchecked.has(month)) sealed += await saveSeals(database, served, month, hashes);
      continue;
    }
    const current = new Map(hashes.map((hash) => [bucketKey(hash), hash]));
    for (const one of known) {
      const is = current.get(bucketKey(one)) ?? null;
      current.delete(bucketKey(one));
      if (is?.hash === one.hash) intact += 1;
      else altered.push({ ...one, now: is });
    }
    for (const added of current.values()) altered.push({ ...added, month, rows: 0, hash: '', now: added });
  }
  return { intact, altered, sealed };
}
