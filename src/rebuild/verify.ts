/**
 * Proof that two versions of a read model agree, month by month and bucket by bucket, and that months which are over are
 * still what they were.
 */
import type { EpochMs } from '../domain/events.ts';
import type { Projection, TableSpec } from '../domain/fold.ts';
import { addMonths } from '../domain/months.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { firstDifference, hashMonth, monthsOf } from '../store/monthHashes.ts';
import type { MonthHash, RowDifference } from '../store/monthHashes.ts';
import { schemaOf } from '../store/readModels.ts';
import { loadSeals, saveSeals } from '../store/seals.ts';
import type { Seal } from '../store/seals.ts';

export interface Difference {
  readonly table: string;
  readonly month: EpochMs;
  readonly participant: string;
  readonly endpointId: string;
  /** Rows of the bucket in that month, in the one and the other. */
  readonly rows: readonly [number, number];
  readonly first: RowDifference | null;
}

export interface Comparison {
  readonly left: number;
  readonly right: number;
  /** Rows found equal, and buckets' months. */
  readonly rows: number;
  readonly months: number;
  /** In order of time; empty when the versions agree. */
  readonly differences: readonly Difference[];
  /** Buckets, as `participant:policy`, whose states stayed apart: one version has not read all that the other has. */
  readonly apart: readonly string[];
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

const grown = ({ tables }: { readonly tables: Readonly<Record<string, TableSpec>> }) =>
  Object.values(tables).filter(({ since }) => since !== undefined);

/** What differs is looked at again, in case one version was an event behind the other. */
const LOOKS = 4;

/**
 * Compares every bucket of two versions, each look in one snapshot while the processors go on. Buckets whose states are
 * equal have read the same events; those whose are not, or whose rows differ, are looked at again.
 */
export async function compareVersions<E, S, T extends string>(
  options: CompareOptions<E, S, T>,
): Promise<Comparison> {
  const { left, right, catchUp, signal } = options;
  let rows = 0;
  let months = 0;
  let look: Look | null = null;
  for (let n = 0; n < LOOKS && (look === null || look.open.size > 0); n += 1) {
    signal.throwIfAborted();
    await catchUp();
    const next: Look = await lookOnce(options, look === null ? null : look.open);
    rows += next.rows;
    months += next.months;
    look = next;
  }
  const differences = [...(look?.differences ?? [])].sort((a, b) => a.month - b.month);
  return {
    left: left.version,
    right: right.version,
    rows,
    months,
    differences,
    apart: [...(look?.apart ?? [])],
  };
}

interface Look {
  readonly rows: number;
  readonly months: number;
  readonly differences: readonly Difference[];
  readonly apart: ReadonlySet<string>;
  /** To be looked at again. */
  readonly open: ReadonlySet<string>;
}

async function lookOnce<E, S, T extends string>(
  { database, projection, left, right, signal, onMonth }: CompareOptions<E, S, T>,
  only: ReadonlySet<string> | null,
): Promise<Look> {
  const schemas = [schemaOf(left), schemaOf(right)] as const;
  return await database.transaction(async (tx) => {
    await tx.execute('set transaction isolation level repeatable read read only');
    const apart = await bucketsApart(tx, schemas);
    const differences: Difference[] = [];
    let rows = 0;
    let months = 0;
    const counts = (hash: MonthHash): boolean => {
      const bucket = nameOf(hash);
      return !apart.has(bucket) && (only === null || only.has(bucket));
    };
    for (const spec of grown(projection)) {
      for (const month of await monthsOf(tx, schemas, spec)) {
        signal.throwIfAborted();
        const ours = (await hashMonth(tx, schemas[0], spec, month)).filter(counts);
        const theirs = (await hashMonth(tx, schemas[1], spec, month)).filter(counts);
        const found = differing(ours, theirs);
        for (const { participant, endpointId, counts: n } of found) {
          const first = await firstDifference(tx, schemas, spec, { participant, endpointId, month });
          differences.push({ table: spec.table, month, participant, endpointId, rows: n, first });
        }
        const unequal = new Set(found.map(nameOf));
        const equal = ours.filter((hash) => !unequal.has(nameOf(hash)));
        months += equal.length;
        rows += equal.reduce((sum, hash) => sum + hash.rows, 0);
        onMonth?.(month);
      }
    }
    const stillApart = new Set([...apart].filter((bucket) => only === null || only.has(bucket)));
    return {
      rows,
      months,
      differences,
      apart: stillApart,
      open: new Set([...stillApart, ...differences.map(nameOf)]),
    };
  });
}

const nameOf = ({
  participant,
  endpointId,
}: {
  readonly participant: string;
  readonly endpointId: string;
}): string => `${participant}:${endpointId}`;

/** Buckets whose states differ, or that one version does not know. */
async function bucketsApart(sql: Sql, [left, right]: readonly [string, string]): Promise<Set<string>> {
  const rows = await sql.query<{ key: string }>(
    `select key from "${left}".fold_state a full join "${right}".fold_state b using (key)
     where a.state is distinct from b.state`,
  );
  return new Set(rows.map(({ key }) => key));
}

interface Found {
  readonly participant: string;
  readonly endpointId: string;
  readonly counts: readonly [number, number];
}

function differing(left: readonly MonthHash[], right: readonly MonthHash[]): Found[] {
  const others = new Map(right.map((hash) => [nameOf(hash), hash]));
  const found: Found[] = [];
  for (const hash of left) {
    const other = others.get(nameOf(hash));
    others.delete(nameOf(hash));
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

/** Compares sealed months of the served version with their seals, and seals those that are over and have none. */
export async function checkSeals<E, S, T extends string>(options: {
  readonly database: Database;
  readonly projection: Projection<E, S, T>;
  readonly served: FoldId;
  /** Whether months without a seal get one: only what was just found equal to the log deserves it. */
  readonly seal: boolean;
  readonly now: EpochMs;
  readonly horizon: EpochMs | null;
}): Promise<SealCheck> {
  const { database, projection, served, seal, now, horizon } = options;
  // Rows of alerts are written again when they are resolved, in whichever month: only observations stay as they are.
  const spec = grown(projection).find(({ partitionedBy }) => partitionedBy !== undefined);
  if (spec === undefined) return { intact: 0, altered: [], sealed: 0 };
  const schema = schemaOf(served);
  const seals = await loadSeals(database, projection.name, projection.version);
  const altered: (Seal & { now: MonthHash | null })[] = [];
  let intact = 0;
  let sealed = 0;
  const months = new Set([...(await monthsOf(database, [schema], spec)), ...seals.keys()]);
  for (const month of [...months].sort((a, b) => a - b)) {
    // What retention has dropped can't be looked at any more.
    if (horizon !== null && month < horizon) continue;
    if (addMonths(month, 1) + SETTLED_MS > now) continue;
    const hashes = await hashMonth(database, schema, spec, month);
    const known = seals.get(month);
    if (known === undefined) {
      if (seal) sealed += await saveSeals(database, projection, month, hashes);
      continue;
    }
    const current = new Map(hashes.map((hash) => [nameOf(hash), hash]));
    for (const one of known) {
      const is = current.get(nameOf(one)) ?? null;
      current.delete(nameOf(one));
      if (is?.hash === one.hash) intact += 1;
      else altered.push({ ...one, now: is });
    }
    for (const added of current.values()) altered.push({ ...added, month, rows: 0, hash: '', now: added });
  }
  return { intact, altered, sealed };
}
