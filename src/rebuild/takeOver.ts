/**
 * What a rebuild takes over from the version in service: rows and states whose events the log does not reach back to,
 * and nothing else. The version in service is what a rebuild is there to check: what the log could tell is the log's to
 * tell.
 */
import type { EpochMs } from '../domain/events.ts';
import { ownTables } from '../domain/fold.ts';
import type { Projection, TableSpec } from '../domain/fold.ts';
import { addMonths } from '../domain/months.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { required } from '../required.ts';
import { copyTarget } from '../store/statements.ts';
import { schemaOf } from '../store/schemas.ts';
import { columnList, joinedKey, participantOf, policyOf, quote, tableName } from '../store/sql.ts';
import { beginningOf } from './beginnings.ts';
import type { Beginnings } from './beginnings.ts';
import { FIRSTS, loadParticipants, timestamp } from './bulkWriter.ts';
import type { OlderTables } from './olderTables.ts';
import { seedStates } from './seeds.ts';
import { addUnlogged, forgetLeftOut } from './unlogged.ts';

export interface TakeOverOptions<E, S, T extends string> {
  readonly database: Database;
  readonly projection: Projection<E, S, T>;
  readonly older: OlderTables;
  readonly build: FoldId;
  readonly beginnings: Beginnings;
  /** The version ends here: nothing later is taken over. `null` when it goes on with the log. */
  readonly until: EpochMs | null;
}

interface FromTo {
  readonly older: OlderTables;
  /** Schema of the version that is built. */
  readonly to: string;
}

/** SQL for the two parts of a row's bucket. */
const bucketOf = ({ bucket }: TableSpec, row: string): readonly [participant: string, policy: string] => [
  `${row}.${quote(bucket.participant)}`,
  `${row}.${quote(bucket.policy)}`,
];

/** What a statement that inserts returns of them. */
const bucketColumns = ({ bucket }: TableSpec): string =>
  `${quote(bucket.participant)} as participant, ${quote(bucket.policy)} as policy`;

/** Whether row `r` is of the bucket that `other` has as `participant` and `endpoint_id`. */
function isOf(spec: TableSpec, other: string): string {
  const [participant, policy] = bucketOf(spec, 'r');
  return `${participant} = ${other}.participant and ${policy} = ${other}.endpoint_id`;
}

const sinceOf = ({ table, since }: TableSpec): string => quote(required(since, `table ${table} grows`));

/** Just after the last moment of a version that ends. */
const endOf = (until: EpochMs | null): EpochMs => (until === null ? Infinity : until + 1);

/** States and current rows, of keys that the log has events of and of those that it has none of any more. */
export async function takeOverKeys<E, S, T extends string>(options: TakeOverOptions<E, S, T>): Promise<void> {
  const { database, projection, older, build, until } = options;
  const to = schemaOf(build);
  const begins = await beginsOfIdle(options, to);
  await database.transaction(async (tx) => {
    // State and rows of one moment: the processors go on meanwhile.
    await tx.execute('set transaction isolation level repeatable read');
    await findIdleKeys(tx, options, to, begins);
    if (until === null) await seedIdleKeys(tx, options);
    else await tx.execute('delete from idle where newest >= begin');
    await tx.execute(
      `insert into ${tableName(to, 'fold_state')} (key, state) select key, state from idle where state is not null
       on conflict do nothing`,
    );
    for (const spec of ownTables(projection))
      if (spec.since === undefined && older.has(spec)) await takeOverCurrent(tx, { older, to }, spec, endOf(until));
  });
}

/** From when on the log has the events of participants with keys that it has none of. */
async function beginsOfIdle<E, S, T extends string>(
  { database, older, beginnings, until }: TakeOverOptions<E, S, T>,
  to: string,
): Promise<Map<string, EpochMs>> {
  const rows = await database.query<{ participant: string }>(
    `select distinct ${participantOf('o.key')} as participant from ${tableName(older.schema, 'fold_state')} o
     where not exists (select from ${tableName(to, 'fold_state')} n where n.key = o.key)`,
  );
  const firsts = await loadParticipants(database, to);
  const begins = rows.map(({ participant }) => {
    const begin = beginningOf(beginnings, participant, firsts.get(participant) ?? null);
    return [participant, Math.min(begin, endOf(until))] as const;
  });
  return new Map(begins.filter(([, begin]) => begin !== -Infinity));
}

/** Table `idle`: key, state, newest row and, as {@link FIRSTS}, where the log begins for it. */
async function findIdleKeys<E, S, T extends string>(
  tx: Sql,
  { projection, older }: TakeOverOptions<E, S, T>,
  to: string,
  begins: ReadonlyMap<string, EpochMs>,
): Promise<void> {
  const times = ownTables(projection)
    .filter((spec) => spec.since !== undefined && older.has(spec))
    .map(
      (spec) => `(select max(r.${sinceOf(spec)}) from ${older.rows(spec)} r
        where ${isOf(spec, 'k')})`,
    );
  await tx.execute(
    `create temporary table idle on commit drop as
     select k.*, greatest(${[...times, 'null::timestamptz'].join(', ')}) as newest
     from (
       select o.key, o.state, b.participant, ${policyOf('o.key')} as endpoint_id, b.begin
       from ${tableName(older.schema, 'fold_state')} o
       join unnest($1::text[], $2::timestamptz[]) b (participant, begin) on b.participant = ${participantOf('o.key')}
       where not exists (select from ${tableName(to, 'fold_state')} n where n.key = o.key)
     ) k`,
    [[...begins.keys()], [...begins.values()].map(timestamp)],
  );
  await tx.execute(
    `insert into ${tableName(to, FIRSTS)} (participant, endpoint_id, begin)
     select participant, endpoint_id, begin from idle on conflict do nothing`,
  );
}

/**
 * Of a key with rows that the log must have, only the state before them is taken over: what the log has of it comes
 * when the version catches up, and what it has not is none of its rows.
 */
async function seedIdleKeys<E, S, T extends string>(
  tx: Sql,
  { projection, older }: TakeOverOptions<E, S, T>,
): Promise<void> {
  const later = await tx.query<{ key: string; begin: EpochMs }>('select key, begin from idle where newest >= begin');
  if (later.length === 0) return;
  const begins = new Map(later.map(({ key, begin }) => [key, begin]));
  const seeds = await seedStates(tx, projection, older, begins);
  await tx.execute(
    `update idle i set state = u.state from unnest($1::text[], $2::jsonb[]) u (key, state) where u.key = i.key`,
    [later.map(({ key }) => key), later.map(({ key }) => JSON.stringify(seeds.get(key) ?? null))],
  );
  await tx.execute(`update idle set state = null where state = 'null'::jsonb`);
  // Nothing of them is older than the log: they are not the log's.
  await tx.execute(`delete from idle where state is null`);
}

/**
 * Rows of what is true now whose last change the log does not reach back to, as that of a policy's parameters: the
 * state of their key came from the older version, and no event since has written them. Should the older version be
 * further on, so is its row: the events between are read from the log yet, and write it again.
 */
async function takeOverCurrent(tx: Sql, { older, to }: FromTo, spec: TableSpec, end: EpochMs): Promise<void> {
  const [participant, policy] = bucketOf(spec, 'r');
  await addUnlogged(
    tx,
    to,
    { takenOver: true, table: spec.table, hasTime: false },
    `insert into ${copyTarget(to, spec)}
     select ${columnList(Object.keys(spec.columns), 'r')} from ${older.rows(spec)} r
     join ${tableName(to, FIRSTS)} f on ${isOf(spec, 'f')}
     join ${tableName(to, 'fold_state')} s on s.key = ${joinedKey(participant, policy)}
     where f.begin > '-infinity' and f.begin <= $1::timestamptz and not coalesce(${spec.absent ?? 'false'}, false)
     on conflict do nothing returning ${bucketColumns(spec)}`,
    [timestamp(end)],
  );
}

/** Whether the log lacks the beginning of any key: without, nothing is taken over. */
export async function anyBegin(sql: Sql, to: string): Promise<boolean> {
  const [row] = await sql.query<{ any: boolean }>(
    `select exists (select from ${tableName(to, FIRSTS)} where begin > '-infinity') as any`,
  );
  return row?.any === true;
}

/** Rows of the older version from before the log begins for their key. */
export async function takeOverRows(
  sql: Sql,
  { older, to }: FromTo,
  spec: TableSpec,
  into: string,
  month: EpochMs | null = null,
): Promise<void> {
  if (!older.has(spec)) return;
  const since = sinceOf(spec);
  const columns = Object.keys(spec.columns);
  const within = month === null ? '' : `and r.${since} >= $1::timestamptz and r.${since} < $2::timestamptz`;
  await addUnlogged(
    sql,
    to,
    { takenOver: true, table: spec.table, hasTime: true },
    `insert into ${tableName(to, into)} (${columnList(columns)})
     select ${columnList(columns, 'r')}
     from ${older.rows(spec)} r
     join ${tableName(to, FIRSTS)} f on ${isOf(spec, 'f')} and r.${since} < f.begin
     where true ${within}
     on conflict do nothing
     returning ${bucketColumns(spec)}, ${since} as at`,
    month === null ? [] : [timestamp(month), timestamp(addMonths(month, 1))],
  );
}

/**
 * Counts rows of the older version from before the log's first event of their key that were not taken over, since the
 * log has all there ever was of it: a rebuild leaves them out, and says so.
 */
export async function countLeftOut<E, S, T extends string>({
  database,
  projection,
  older,
  build,
  until,
}: TakeOverOptions<E, S, T>): Promise<void> {
  const to = schemaOf(build);
  await database.transaction(async (tx) => {
    await forgetLeftOut(tx, to);
    for (const spec of ownTables(projection)) {
      if (spec.since === undefined || !older.has(spec)) continue;
      const same = spec.key.map((column) => `n.${quote(column)} = r.${quote(column)}`).join(' and ');
      const [participant, policy] = bucketOf(spec, 'r');
      const since = `r.${sinceOf(spec)}`;
      await addUnlogged(
        tx,
        to,
        { takenOver: false, table: spec.table, hasTime: true },
        `select ${participant} as participant, ${policy} as policy, ${since} as at from ${tableName(to, FIRSTS)} f
         join ${older.rows(spec)} r on ${isOf(spec, 'f')} and ${since} < f.first
         where ${since} >= (select horizon from balde.retention) and ${since} < $1::timestamptz
           and not exists (select from ${tableName(to, spec.table)} n where ${same})`,
        [timestamp(endOf(until))],
      );
    }
  });
}
