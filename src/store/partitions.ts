/**
 * Partitions of history, a UTC month each when Balde makes them. What there is, is known by the bounds in the
 * catalogue: people make partitions too, by other names, of other widths, and detach some.
 */
import { addMonths, monthName, monthOf } from '../domain/months.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from './database.ts';
import { lock } from './locks.ts';

export interface PartitionedTable {
  readonly schema: string;
  readonly table: string;
}

export interface Partition {
  /** `schema.name`, for people. */
  readonly name: string;
  /** The same for statements, quoted as needed. */
  readonly sqlName: string;
  /** First instant; −∞ where there is no lower bound. */
  readonly from: EpochMs;
  /** The instant after the last; ∞ where there is no upper bound. */
  readonly to: EpochMs;
  /** Takes what no other partition does, and has no bounds. */
  readonly isDefault: boolean;
  readonly isForeign: boolean;
}

interface Range {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** Read back by the session that printed them: whatever its time zone and date style, the instants are the same. */
const BOUND = (word: 'FROM' | 'TO'): string =>
  `(regexp_match(b.bound, '${word} \\(''(?!-?infinity)([^'']+)''\\)'))[1]::timestamptz`;

/**
 * Every partition that is attached, in order of time, the DEFAULT one last. One that is being detached takes no rows.
 */
export async function listPartitions(sql: Sql, { schema, table }: PartitionedTable): Promise<Partition[]> {
  const rows = await sql.query<{
    schema: string;
    relname: string;
    sqlName: string;
    bound: string;
    kind: string;
    from: EpochMs | null;
    to: EpochMs | null;
  }>(
    `select n.nspname as schema, c.relname, format('%I.%I', n.nspname, c.relname) as "sqlName", b.bound,
       c.relkind as kind, ${BOUND('FROM')} as "from", ${BOUND('TO')} as "to"
     from pg_inherits i
     join pg_class c on c.oid = i.inhrelid
     join pg_namespace n on n.oid = c.relnamespace
     cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) b
     where i.inhparent = format('%I.%I', $1::text, $2::text)::regclass and not i.inhdetachpending`,
    [schema, table],
  );
  return rows
    .map((row) => ({
      name: `${row.schema}.${row.relname}`,
      sqlName: row.sqlName,
      from: row.from ?? -Infinity,
      to: row.to ?? Infinity,
      isDefault: row.bound === 'DEFAULT',
      isForeign: row.kind === 'f',
    }))
    .sort((a, b) => Number(a.isDefault) - Number(b.isDefault) || a.from - b.from);
}

/** What of a month no partition has bounds for, in order. */
export function gapsOf(partitions: readonly Partition[], month: EpochMs): Range[] {
  const end = addMonths(month, 1);
  const gaps: Range[] = [];
  let from = monthOf(month);
  for (const one of partitions) {
    if (one.isDefault || one.to <= from || one.from >= end) continue;
    if (one.from > from) gaps.push({ from, to: one.from });
    from = Math.max(from, one.to);
  }
  return from < end ? [...gaps, { from, to: end }] : gaps;
}

/**
 * First instants of the months that partitions take wholly, ascending; of a partition without an end its first month.
 */
export async function partitionMonths(sql: Sql, parent: PartitionedTable): Promise<EpochMs[]> {
  const partitions = await listPartitions(sql, parent);
  const months = new Set<EpochMs>();
  for (const { from, to, isDefault } of partitions) {
    if (isDefault) continue;
    const first = Number.isFinite(from) ? monthOf(from) : addMonths(to, -1);
    const last = Number.isFinite(to) ? to : addMonths(first, 1);
    for (let month = first; month < last; month = addMonths(month, 1))
      if (gapsOf(partitions, month).length === 0) months.add(month);
  }
  return [...months].sort((a, b) => a - b);
}

const literal = (at: EpochMs): string => `'${new Date(at).toISOString()}'`;

const quoted = ({ schema, table }: PartitionedTable): string => `"${schema}"."${table}"`;

/**
 * Makes what a month lacks of partitions, unless it lies before the horizon: a month that was dropped does not come
 * back. Nothing is made of what a DEFAULT partition has rows of: it can't be taken from it in passing.
 * @returns names of what was made now
 *
 * Serialised by a lock, so that a writer and several compactors may race. The table is made on its own and
 * attached: attaching does not block readers and writers of the other months.
 */
export async function makeMonth(tx: Sql, parent: PartitionedTable, month: EpochMs): Promise<string[]> {
  await lock(tx, 'partitions');
  const horizon = await readHorizon(tx);
  if (horizon !== null && month < horizon) return [];
  const partitions = await listPartitions(tx, parent);
  const made: string[] = [];
  for (const gap of gapsOf(partitions, month)) {
    if (await hasRowsInDefault(tx, parent, partitions, gap)) continue;
    const name = await freeName(tx, parent, month);
    await tx.execute(
      `create table "${parent.schema}"."${name}" (like ${quoted(parent)} including defaults including constraints)`,
    );
    await attach(tx, parent, name, gap);
    made.push(`${parent.schema}.${name}`);
  }
  return made;
}

/** {@link makeMonth}. @returns whether anything was made now */
export async function createPartition(tx: Sql, parent: PartitionedTable, month: EpochMs): Promise<boolean> {
  return (await makeMonth(tx, parent, month)).length > 0;
}

/**
 * Whether rows of a span lie in the DEFAULT partition, if there is one: no partition of the span can be attached then.
 */
export async function hasRowsInDefault(
  sql: Sql,
  parent: PartitionedTable,
  partitions: readonly Partition[],
  { from, to }: Range,
): Promise<boolean> {
  const other = partitions.find(({ isDefault }) => isDefault);
  if (other === undefined) return false;
  const [column] = await sql.query<{ name: string }>(
    `select quote_ident(a.attname) as name from pg_partitioned_table p
     join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
     where p.partrelid = $1::regclass`,
    [quoted(parent)],
  );
  if (column === undefined) return false;
  const bound = (at: EpochMs): string => (at === -Infinity ? '-infinity' : new Date(at).toISOString());
  const [row] = await sql.query<{ has: boolean }>(
    `select exists (
       select from ${other.sqlName} where ${column.name} >= $1::timestamptz and ${column.name} < $2::timestamptz
     ) as has`,
    [bound(from), bound(to)],
  );
  return row?.has === true;
}

/** `history_2026_03`, or with a number behind it where something else has that name. */
async function freeName(tx: Sql, { schema, table }: PartitionedTable, month: EpochMs): Promise<string> {
  const wanted = `${table}_${monthName(month)}`;
  const taken = await tx.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and starts_with(relname, $2)
     union select typname from pg_type where typnamespace = $1::regnamespace and starts_with(typname, $2)`,
    [`"${schema}"`, wanted],
  );
  const names = new Set(taken.map(({ name }) => name));
  let name = wanted;
  for (let n = 2; names.has(name); n += 1) name = `${wanted}_${n}`;
  return name;
}

async function attach(tx: Sql, parent: PartitionedTable, name: string, { from, to }: Range): Promise<void> {
  await tx.execute(
    `alter table ${quoted(parent)} attach partition "${parent.schema}"."${name}"
     for values from (${literal(from)}) to (${literal(to)})`,
  );
}

/** Attaches the table that holds a month; an index it has like the parent's is taken as it is. */
export async function attachMonth(tx: Sql, parent: PartitionedTable, month: EpochMs): Promise<void> {
  const whole = { from: month, to: addMonths(month, 1) };
  await attach(tx, parent, `${parent.table}_${monthName(month)}`, whole);
}

/** Drops what partitions lie within a month, rows and all. @returns whether anything was dropped now */
export async function dropPartition(tx: Sql, parent: PartitionedTable, month: EpochMs): Promise<boolean> {
  await lock(tx, 'partitions');
  const end = addMonths(month, 1);
  const within = (await listPartitions(tx, parent)).filter(({ from, to }) => from >= month && to <= end);
  for (const one of within) await drop(tx, one);
  return within.length > 0;
}

/** Drops a partition that lies before the horizon altogether. @returns whether it was there, and was dropped now */
export async function dropPast(
  tx: Sql,
  parent: PartitionedTable,
  { sqlName }: Partition,
  horizon: EpochMs,
): Promise<boolean> {
  await lock(tx, 'partitions');
  const found = (await listPartitions(tx, parent)).find(
    (one) => one.sqlName === sqlName && !one.isDefault && one.to <= horizon,
  );
  if (found === undefined) return false;
  await drop(tx, found);
  return true;
}

async function drop(tx: Sql, { sqlName, isForeign }: Partition): Promise<void> {
  await tx.execute(`drop ${isForeign ? 'foreign table' : 'table'} ${sqlName}`);
}

/** Start of the oldest month history keeps; −∞ (as `null`) before the compactor first ran. */
export async function readHorizon(sql: Sql): Promise<EpochMs | null> {
  const [row] = await sql.query<{ horizon: EpochMs | null }>(
    `select nullif(horizon, '-infinity') as horizon from balde.retention`,
  );
  return row?.horizon ?? null;
}
