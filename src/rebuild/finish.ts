/**
 * The end of a filling: gives the months their indexes and the log's late rows, takes over what the log does not reach
 * back to, and attaches them.
 *
 * Each step commits by itself and can be repeated, done or not: it looks at what is there. The last one changes the
 * version's state, after which nothing is left to do.
 */
import type { EpochMs } from '../domain/events.ts';
import { ownTables } from '../domain/fold.ts';
import type { Projection, TableSpec } from '../domain/fold.ts';
import { addMonths, monthIn, monthOf } from '../domain/months.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { attachMonth, listPartitions, partitionMonths, readHorizon } from '../store/partitions.ts';
import { required } from '../required.ts';
import { replacement } from '../store/statements.ts';
import { schemaOf } from '../store/schemas.ts';
import { columnList, quote, tableName } from '../store/sql.ts';
import { addUp } from '../store/sums.ts';
import { listVersions, setVersionState } from '../store/versions.ts';
import type { Beginnings } from './beginnings.ts';
import { FIRSTS, lateTable, monthTable, partitionedTables, timestamp, upsertTable } from './bulkWriter.ts';
import { indexMonth } from './monthIndexes.ts';
import { OlderTables } from './olderTables.ts';
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
  const { database, projection, build, until } = options;
  const [version] = (await listVersions(database, build.name)).filter((one) => one.version === build.version);
  // An attempt whose last answer was lost came to the end.
  if (version?.state !== 'filling') return;
  const to = schemaOf(build);
  const older = options.older === null ? null : await OlderTables.read(database, options.older);
  await createUnlogged(database, to);
  if (older !== null) await takeOverKeys({ ...options, older });
  const from = older !== null && (await anyBegin(database, to)) ? older : null;
  for (const spec of partitionedTables(projection)) {
    for (const month of await monthsToMake(database, older, to, spec))
      if (await finishMonth(database, { from, to }, spec, month)) options.onMonth(month);
  }
  for (const spec of ownTables(projection)) {
    if (from === null || spec.since === undefined || spec.partitionedBy !== undefined) continue;
    await database.transaction(async (tx) => await takeOverRows(tx, { older: from, to }, spec, spec.table));
  }
  if (older !== null) await countLeftOut({ ...options, older });
  for (const spec of Object.values<TableSpec>(projection.tables))
    if (spec.sums !== undefined) await database.transaction(async (tx) => await addUp(tx, to, spec));
  for (const { table } of Object.values<TableSpec>(projection.tables))
    await database.execute(`analyze ${tableName(to, table)}`);
  await database.transaction(async (tx) => {
    for (const spec of partitionedTables(projection))
      for (const side of [lateTable(spec), upsertTable(spec)])
        await tx.execute(`drop table if exists ${tableName(to, side)}`);
    await tx.execute(`drop table if exists ${tableName(to, FIRSTS)}`);
    await setVersionState(tx, build, until === null ? 'catching_up' : 'fixed');
  });
}

/** Months that have rows here or a partition there, from the horizon on, and are not attached yet. */
async function monthsToMake(sql: Sql, older: OlderTables | null, to: string, spec: TableSpec): Promise<EpochMs[]> {
  const filled = await sql.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind = 'r' and relname ~ $2`,
    [quote(to), `^${spec.table}_\\d{4}_\\d{2}$`],
  );
  const months = new Set<EpochMs>();
  for (const side of [lateTable(spec), upsertTable(spec)])
    for (const month of await monthsIn(sql, tableName(to, side), spec)) months.add(month);
  for (const { name } of filled) {
    const month = monthIn(name);
    if (month !== null) months.add(month);
  }
  if (older?.has(spec) === true) for (const month of await monthsThere(sql, older.schema, spec)) months.add(month);
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
    months.push(...(await monthsIn(sql, sqlName, spec)));
  }
  return months;
}

/** Months in which a table has rows. */
async function monthsIn(sql: Sql, table: string, spec: TableSpec): Promise<EpochMs[]> {
  const rows = await sql.query<{ month: EpochMs }>(
    `select distinct date_trunc('month', ${timeOf(spec)}, 'UTC') as month from ${table}`,
  );
  return rows.map(({ month }) => month);
}

const timeOf = ({ table, partitionedBy }: TableSpec): string =>
  quote(required(partitionedBy, `table ${table} is partitioned`));

/** @returns whether it has rows */
async function finishMonth(
  database: Database,
  { from, to }: { readonly from: OlderTables | null; readonly to: string },
  spec: TableSpec,
  month: EpochMs,
): Promise<boolean> {
  const name = monthTable(spec, month);
  return await database.transaction(async (tx) => {
    await tx.execute(
      `create table if not exists ${tableName(to, name)}
         (like ${tableName(to, spec.table)} including defaults including constraints)`,
    );
    await indexMonth(tx, to, name, spec);
    // What the log says of a row comes before what the older version says of it.
    await insertLate(tx, to, spec, name, month);
    await insertUpserts(tx, to, spec, name, month);
    if (from !== null) await takeOverRows(tx, { older: from, to }, spec, name, month);
    await tx.execute(`alter table ${tableName(to, name)} reset (autovacuum_enabled)`);
    await attachMonth(tx, { schema: to, table: spec.table }, month);
    const [row] = await tx.query<{ has: boolean }>(`select exists (select from ${tableName(to, name)}) as has`);
    return row?.has === true;
  });
}

/** Late observations of a month, where no other row has their place; of several the first. */
async function insertLate(tx: Sql, schema: string, spec: TableSpec, into: string, month: EpochMs): Promise<void> {
  const columns = columnList(Object.keys(spec.columns));
  await tx.execute(
    `insert into ${tableName(schema, into)} (${columns})
     select ${columns} from ${tableName(schema, lateTable(spec))} where ${within(spec)}
     order by ord on conflict do nothing`,
    boundsOf(month),
  );
}

/** Rows of a month that were written again, each as it holds in the end. */
async function insertUpserts(tx: Sql, schema: string, spec: TableSpec, into: string, month: EpochMs): Promise<void> {
  const columns = columnList(Object.keys(spec.columns));
  const key = columnList(spec.key);
  await tx.execute(
    `insert into ${tableName(schema, into)} (${columns})
     select distinct on (${key}) ${columns} from ${tableName(schema, upsertTable(spec))} where ${within(spec)}
     order by ${key}, ${spec.highest === undefined ? 'ord desc' : `${quote(spec.highest)} desc, ord`}
     on conflict (${key}) ${replacement(spec, into)}`,
    boundsOf(month),
  );
}

/** SQL for rows of a month that retention keeps. */
const within = (spec: TableSpec): string =>
  `${timeOf(spec)} >= (select horizon from balde.retention)
     and ${timeOf(spec)} >= $1::timestamptz and ${timeOf(spec)} < $2::timestamptz`;

const boundsOf = (month: EpochMs): string[] => [timestamp(month), timestamp(addMonths(month, 1))];
