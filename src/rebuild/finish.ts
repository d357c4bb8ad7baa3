/**
 * The end of a filling: gives the months their indexes and the log's late rows, takes over what the log does not reach
 * back to, and attaches them.
 *
 * Each step commits by itself and can be repeated, done or not: it looks at what is there. The last one changes the
 * version's state, after which nothing is left to do.
 */
import type { EpochMs } from '../domain/events.ts';
import type { Projection, TableSpec } from '../domain/fold.ts';
import { addMonths, monthIn, monthOf } from '../domain/months.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { attachMonth, listPartitions, partitionMonths, readHorizon } from '../store/partitions.ts';
import { schemaOf } from '../store/schemas.ts';
import { listVersions, setVersionState } from '../store/versions.ts';
import type { Beginnings } from './beginnings.ts';
import { FIRSTS, lateTable, monthTable, partitionedTables, timestamp } from './bulkWriter.ts';
import { indexMonth } from './monthIndexes.ts';
import { anyBegin, countLeftOut, takeOverKeys, takeOverRows } from './takeOver.ts';
import { createUnlogged } from './unlogged.ts';

export interface FinishOptions<E, S, T extends string> {
  readonly database: Database;
  readonly projection: Projection<E, S, T>;
  readonly build: FoldId;
  readonly older: FoldId | null;
  /** How far the source of the filling reaches back. */
  readonly beginnings: Beginnings;
  /** The version ends here: nothing later is taken over. `null` when it goes on with the log. */
  readonly until: EpochMs | null;
  /** Told of each month that has rows. */
  readonly onMonth: (month: EpochMs) => void;
}

export async function finish<E, S, T extends string>(options: FinishOptions<E, S, T>): Promise<void> {
  const { database, projection, build, older, until } = options;
  const [version] = (await listVersions(database, build.name)).filter((one) => one.version === build.version);
  // An attempt whose last answer was lost came to the end.
  if (version?.state !== 'filling') return;
  const to = schemaOf(build);
  await createUnlogged(database, to);
  if (older !== null) await takeOverKeys({ ...options, older });
  const from = older !== null && (await anyBegin(database, to)) ? schemaOf(older) : null;
  for (const spec of partitionedTables(projection)) {
    for (const month of await monthsToMake(database, older === null ? null : schemaOf(older), to, spec))
      if (await finishMonth(database, { from, to }, spec, month)) options.onMonth(month);
  }
  for (const spec of Object.values<TableSpec>(projection.tables)) {
    if (from === null || spec.since === undefined || spec.partitionedBy !== undefined) continue;
    await database.transaction(async (tx) => await takeOverRows(tx, { from, to }, spec, spec.table));
  }
  if (older !== null) await countLeftOut({ ...options, older });
  for (const { table } of Object.values<TableSpec>(projection.tables))
    await database.execute(`analyze "${to}"."${table}"`);
  await database.transaction(async (tx) => {
    for (const spec of partitionedTables(projection))
      await tx.execute(`drop table if exists "${to}"."${lateTable(spec)}"`);
    await tx.execute(`drop table if exists "${to}".${FIRSTS}`);
    await setVersionState(tx, build, until === null ? 'catching_up' : 'fixed');
  });
}

/** Months that have rows here or a partition there, from the horizon on, and are not attached yet. */
async function monthsToMake(sql: Sql, from: string | null, to: string, spec: TableSpec): Promise<EpochMs[]> {
  const filled = await sql.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind = 'r' and relname ~ $2`,
    [`"${to}"`, `^${spec.table}_\\d{4}_\\d{2}$`],
  );
  const late = await sql.query<{ month: EpochMs }>(
    `select distinct date_trunc('month', "${spec.partitionedBy}", 'UTC') as month from "${to}"."${lateTable(spec)}"`,
  );
  const months = new Set(late.map(({ month }) => month));
  for (const { name } of filled) {
    const month = monthIn(name);
    if (month !== null) months.add(month);
  }
  if (from !== null) for (const month of await monthsThere(sql, from, spec)) months.add(month);
  const horizon = await readHorizon(sql);
  const attached = new Set(await partitionMonths(sql, { schema: to, table: spec.table }));
  return [...months]
    .filter((month) => (horizon === null || month >= horizon) && !attached.has(month))
    .sort((a, b) => a - b);
}

/** Months that the older version has a partition for; of one of another width, those in which it has rows. */
async function monthsThere(sql: Sql, schema: string, spec: TableSpec): Promise<EpochMs[]> {
  const months: EpochMs[] = [];
  for (const { from, to, sqlName } of await listPartitions(sql, { schema, table: spec.table })) {
    if (Number.isFinite(from) && from === monthOf(from) && to === addMonths(from, 1)) {
      months.push(from);
      continue;
    }
    const rows = await sql.query<{ month: EpochMs }>(
      `select distinct date_trunc('month', "${spec.partitionedBy}", 'UTC') as month from ${sqlName}`,
    );
    months.push(...rows.map(({ month }) => month));
  }
  return months;
}

/** @returns whether it has rows */
async function finishMonth(
  database: Database,
  { from, to }: { readonly from: string | null; readonly to: string },
  spec: TableSpec,
  month: EpochMs,
): Promise<boolean> {
  const name = monthTable(spec, month);
  return await database.transaction(async (tx) => {
    await tx.execute(
      `create table if not exists "${to}"."${name}" (like "${to}"."${spec.table}" including defaults including constraints)`,
    );
    await indexMonth(tx, to, name, spec);
    // What the log says of a row comes before what the older version says of it.
    await insertLate(tx, to, spec, name, month);
    if (from !== null) await takeOverRows(tx, { from, to }, spec, name, month);
    await tx.execute(`alter table "${to}"."${name}" reset (autovacuum_enabled)`);
    await attachMonth(tx, { schema: to, table: spec.table }, month);
    const [row] = await tx.query<{ has: boolean }>(`select exists (select from "${to}"."${name}") as has`);
    return row?.has === true;
  });
}

/** Late observations of a month, where no other row has their place; of several the first. */
async function insertLate(tx: Sql, schema: string, spec: TableSpec, into: string, month: EpochMs): Promise<void> {
  const columns = Object.keys(spec.columns)
    .map((column) => `"${column}"`)
    .join(', ');
  const time = `"${spec.partitionedBy}"`;
  await tx.execute(
    `insert into "${schema}"."${into}" (${columns})
     select ${columns} from "${schema}"."${lateTable(spec)}"
     where ${time} >= (select horizon from balde.retention) and ${time} >= $1::timestamptz and ${time} < $2::timestamptz
     order by ord on conflict do nothing`,
    [timestamp(month), timestamp(addMonths(month, 1))],
  );
}
