/**
 * The end of a filling: takes over what has left the log, gives the months their indexes and attaches them.
 *
 * Every step can be repeated: a rebuild that is killed here begins the step anew.
 */
import type { EpochMs } from '../domain/events.ts';
import type { Projection, TableSpec } from '../domain/fold.ts';
import { addMonths, monthIn, monthOf } from '../domain/months.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { attachMonth, partitionMonths, readHorizon } from '../store/partitions.ts';
import { schemaOf } from '../store/readModels.ts';
import { setVersionState } from '../store/versions.ts';
import { FIRSTS, lateTable, monthTable, partitionedTables } from './bulkWriter.ts';
import { indexMonth } from './monthIndexes.ts';

export interface FinishOptions<E, S, T extends string> {
  readonly database: Database;
  readonly projection: Projection<E, S, T>;
  readonly build: FoldId;
  readonly older: FoldId | null;
  /** The version ends here: nothing later is taken over. `null` when it goes on with the log. */
  readonly until: EpochMs | null;
  readonly onMonth: (month: EpochMs) => void;
}

export interface Carried {
  /** Rows taken over from the older version: the log no longer has their events. */
  readonly rows: number;
  /** Time of the newest of them; `null` when there are none. */
  readonly newest: EpochMs | null;
}

export async function finish<E, S, T extends string>(options: FinishOptions<E, S, T>): Promise<Carried> {
  const { database, projection, build, older, until } = options;
  const schemas = { from: older === null ? null : schemaOf(older), to: schemaOf(build) };
  if (schemas.from !== null) {
    await carryIdleKeys(database, projection, { ...schemas, from: schemas.from }, until);
    await carryCurrentRows(database, projection, { ...schemas, from: schemas.from }, until);
  }
  const carried: Carried[] = [];
  for (const spec of partitionedTables(projection)) {
    for (const month of await monthsToMake(database, schemas, spec)) {
      carried.push(await finishMonth(database, schemas, spec, month));
      options.onMonth(month);
    }
  }
  if (schemas.from !== null) {
    for (const spec of Object.values<TableSpec>(projection.tables)) {
      if (spec.since === undefined || spec.partitionedBy !== undefined) continue;
      carried.push(await carryRows(database, { ...schemas, from: schemas.from }, spec, spec.table));
    }
  }
  await database.transaction(async (tx) => {
    for (const spec of partitionedTables(projection)) await insertLate(tx, schemas.to, spec);
    await tx.execute(`drop table if exists "${schemas.to}".${FIRSTS}`);
    await setVersionState(tx, build, until === null ? 'catching_up' : 'fixed');
  });
  for (const { table } of Object.values<TableSpec>(projection.tables))
    await database.execute(`analyze "${schemas.to}"."${table}"`);
  const newest = carried.map((one) => one.newest).filter((at) => at !== null);
  return {
    rows: carried.reduce((sum, one) => sum + one.rows, 0),
    newest: newest.length === 0 ? null : Math.max(...newest),
  };
}

const endOf = (until: EpochMs | null): string =>
  until === null ? 'infinity' : new Date(until).toISOString();

interface Schemas {
  readonly from: string;
  readonly to: string;
}

/**
 * Keys of which the log has no event: all that is known of them. Their history is taken over up to what their state
 * knows; should an event come meanwhile, it is read from the log like any other. Of a version that ends earlier than a key
 * does, only the rows up to its end are: the log may have the key's events, after that end.
 */
async function carryIdleKeys<E, S, T extends string>(
  database: Database,
  { tables }: Projection<E, S, T>,
  { from, to }: Schemas,
  until: EpochMs | null,
): Promise<void> {
  const end = endOf(until);
  const specs = Object.values<TableSpec>(tables);
  const times = specs
    .filter(({ since }) => since !== undefined)
    .map(({ table, since }) => {
      return `(select max(r."${since}") from "${from}"."${table}" r
        where r.participant = split_part(o.key, ':', 1) and r.endpoint_id = substr(o.key, strpos(o.key, ':') + 1))`;
    });
  await database.transaction(async (tx) => {
    // State and rows of one moment: the processors go on meanwhile.
    await tx.execute('set transaction isolation level repeatable read');
    await tx.execute(
      `create temporary table idle on commit drop as
       select o.key, o.state, greatest(${times.join(', ')}) as newest from "${from}".fold_state o
       where not exists (select from "${to}".fold_state n where n.key = o.key)`,
    );
    await tx.execute(
      `insert into "${to}".${FIRSTS} (participant, endpoint_id, first)
       select split_part(i.key, ':', 1), substr(i.key, strpos(i.key, ':') + 1),
         least(i.newest, $1::timestamptz) + interval '1 millisecond'
       from idle i where i.newest is not null`,
      [end],
    );
    await tx.execute('delete from idle where newest > $1::timestamptz', [end]);
    for (const { table, since } of specs) {
      if (since !== undefined) continue;
      await tx.execute(
        `insert into "${to}"."${table}"
         select r.* from "${from}"."${table}" r join idle i on i.key = r.participant || ':' || r.endpoint_id`,
      );
    }
    await tx.execute(`insert into "${to}".fold_state (key, state) select key, state from idle`);
  });
}

/**
 * Rows of what is true now whose last change has left the log, as that of a policy's parameters: the state of their key
 * came from the older version, and no event since has written them. Should the older version be further on, so is its
 * row: the events between are read from the log yet, and write it again.
 */
async function carryCurrentRows<E, S, T extends string>(
  database: Database,
  { tables }: Projection<E, S, T>,
  { from, to }: Schemas,
  until: EpochMs | null,
): Promise<void> {
  for (const { table, columns, since } of Object.values<TableSpec>(tables)) {
    if (since !== undefined) continue;
    const names = Object.keys(columns).map((column) => `"${column}"`);
    await database.execute(
      `insert into "${to}"."${table}" (${names.join(', ')})
       select ${names.map((name) => `r.${name}`).join(', ')} from "${from}"."${table}" r
       join "${to}".${FIRSTS} f on f.participant = r.participant and f.endpoint_id = r.endpoint_id
       where f.first <= $1::timestamptz
       on conflict do nothing`,
      [endOf(until)],
    );
  }
}

/** Months that have rows here or there, from the horizon on, and are not attached yet. */
async function monthsToMake(
  sql: Sql,
  { from, to }: { readonly from: string | null; readonly to: string },
  spec: TableSpec,
): Promise<EpochMs[]> {
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
  if (from !== null)
    for (const month of await partitionMonths(sql, { schema: from, table: spec.table })) months.add(month);
  const horizon = await readHorizon(sql);
  const attached = new Set(await partitionMonths(sql, { schema: to, table: spec.table }));
  return [...months]
    .filter((month) => (horizon === null || month >= horizon) && !attached.has(month))
    .sort((a, b) => a - b);
}

async function finishMonth(
  database: Database,
  { from, to }: { readonly from: string | null; readonly to: string },
  spec: TableSpec,
  month: EpochMs,
): Promise<Carried> {
  const name = monthTable(spec, month);
  return await database.transaction(async (tx) => {
    await tx.execute(
      `create table if not exists "${to}"."${name}" (like "${to}"."${spec.table}" including defaults including constraints)`,
    );
    const carried = from === null ? NOTHING : await carryRows(tx, { from, to }, spec, name, month);
    await indexMonth(tx, to, name, spec);
    await tx.execute(`alter table "${to}"."${name}" reset (autovacuum_enabled)`);
    await attachMonth(tx, { schema: to, table: spec.table }, month);
    return carried;
  });
}

const NOTHING: Carried = { rows: 0, newest: null };

/** Rows of the older version from before the log's first event of their key. */
async function carryRows(
  sql: Sql,
  { from, to }: Schemas,
  spec: TableSpec,
  into: string,
  month: EpochMs | null = null,
): Promise<Carried> {
  const since = `r."${spec.since}"`;
  const columns = Object.keys(spec.columns).map((column) => `"${column}"`);
  const within = month === null ? '' : `and ${since} >= $1::timestamptz and ${since} < $2::timestamptz`;
  const bounds =
    month === null ? [] : [month, addMonths(monthOf(month), 1)].map((at) => new Date(at).toISOString());
  const [row] = await sql.query<{ n: number; newest: EpochMs | null }>(
    `with carried as (
       insert into "${to}"."${into}" (${columns.join(', ')})
       select ${columns.map((column) => `r.${column}`).join(', ')}
       from "${from}"."${spec.table}" r
       join "${to}".${FIRSTS} f on f.participant = r.participant and f.endpoint_id = r.endpoint_id and ${since} < f.first
       where true ${within}
       on conflict do nothing
       returning "${spec.since}" as at
     )
     select count(*) as n, max(at) as newest from carried`,
    bounds,
  );
  return { rows: row?.n ?? 0, newest: row?.newest ?? null };
}

/** Late observations, where no other row has their place; of several the first. */
async function insertLate(tx: Sql, schema: string, spec: TableSpec): Promise<void> {
  const columns = Object.keys(spec.columns)
    .map((column) => `"${column}"`)
    .join(', ');
  const late = `"${schema}"."${lateTable(spec)}"`;
  await tx.execute(
    `insert into "${schema}"."${spec.table}" (${columns})
     select ${columns} from ${late} where "${spec.partitionedBy}" >= (select horizon from balde.retention)
     order by ord on conflict do nothing`,
  );
  await tx.execute(`drop table ${late}`);
}
