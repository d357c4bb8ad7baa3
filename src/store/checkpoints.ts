/** Where each fold stands in each partition of its topic. The one place that writes checkpoints. */
import type { Database, Sql } from './database.ts';
import type { StatementPart } from './parts.ts';

export interface FoldId {
  readonly name: string;
  readonly version: number;
}

/** Position per partition; `null` before the first message. */
export type Positions = ReadonlyMap<number, string | null>;

/** Positions of all partitions, the rows created where missing. */
export async function loadCheckpoints(sql: Sql, fold: FoldId, partitions: number): Promise<Map<number, string | null>> {
  await sql.execute(
    `insert into balde.checkpoint (fold, version, partition)
     select $1, $2, generate_series(0, $3 - 1) on conflict do nothing`,
    [fold.name, fold.version, partitions],
  );
  const rows = await sql.query<{ partition: number; position: string | null }>(
    `select partition, position from balde.checkpoint where fold = $1 and version = $2`,
    [fold.name, fold.version],
  );
  return new Map(rows.map((row) => [row.partition, row.position]));
}

/** Position of one partition, its row created where missing: partitions may be added. */
export async function loadCheckpoint(sql: Sql, fold: FoldId, partition: number): Promise<string | null> {
  await sql.execute(
    `insert into balde.checkpoint (fold, version, partition) values ($1, $2, $3) on conflict do nothing`,
    [fold.name, fold.version, partition],
  );
  const [row] = await sql.query<{ position: string | null }>(
    `select position from balde.checkpoint where fold = $1 and version = $2 and partition = $3`,
    [fold.name, fold.version, partition],
  );
  return row?.position ?? null;
}

/**
 * Moves checkpoints from the expected positions to the next ones, in the statement or transaction of the effects.
 *
 * A zombie (an instance that was paused while another took its place) finds a position it does not expect, and its
 * whole transaction fails instead of doubling effects. Rows are locked in order of partition: no deadlocks.
 * Running it throws a `CheckpointConflictError` if someone else moved one.
 */
export function moveCheckpoints(fold: FoldId, expected: Positions, next: Positions): StatementPart {
  const partitions = [...next.keys()].sort((a, b) => a - b);
  return {
    name: 'checkpoints',
    queries: [
      `locked as (
         select c.partition, u.next
         from balde.checkpoint c
         join unnest($3::integer[], $4::text[], $5::text[]) as u (partition, expected, next) using (partition)
         where c.fold = $1 and c.version = $2 and c.position is not distinct from u.expected
         order by c.partition
         for update of c
       )`,
      `moved as (
         update balde.checkpoint c
         set position = l.next, updated_at = clock_timestamp()
         from locked l
         where c.fold = $1 and c.version = $2 and c.partition = l.partition
         returning c.partition
       )`,
    ],
    results: ['balde.expect_moved((select count(*) from moved), cardinality($3), $1, $2)'],
    parameters: [
      fold.name,
      fold.version,
      partitions,
      partitions.map((partition) => expected.get(partition) ?? null),
      partitions.map((partition) => next.get(partition) ?? null),
    ],
  };
}

/** Position of one partition, which nobody moves until the transaction ends. */
export async function lockCheckpoint(tx: Sql, fold: FoldId, partition: number): Promise<string | null> {
  const [row] = await tx.query<{ position: string | null }>(
    `select position from balde.checkpoint where fold = $1 and version = $2 and partition = $3 for update`,
    [fold.name, fold.version, partition],
  );
  return row?.position ?? null;
}

/** Positions of a version as they are, partitions without one left out. */
export async function readCheckpoints(sql: Sql, fold: FoldId): Promise<Map<number, string>> {
  const rows = await sql.query<{ partition: number; position: string }>(
    `select partition, position from balde.checkpoint
     where fold = $1 and version = $2 and position is not null`,
    [fold.name, fold.version],
  );
  return new Map(rows.map((row) => [row.partition, row.position]));
}

/** Positions of a version, which nobody moves until the transaction ends. */
export async function lockCheckpoints(tx: Sql, fold: FoldId): Promise<Map<number, string | null>> {
  const rows = await tx.query<{ partition: number; position: string | null }>(
    `select partition, position from balde.checkpoint where fold = $1 and version = $2 order by partition for update`,
    [fold.name, fold.version],
  );
  return new Map(rows.map((row) => [row.partition, row.position]));
}

/**
 * Per partition, the position up to which every installed version of the named folds has read; partitions that one of
 * them has not begun are left out. A version that was built up to a given time reads no more and holds nothing back.
 */
export async function readByAll(sql: Sql, folds: readonly string[]): Promise<Map<number, string>> {
  const rows = await sql.query<{ partition: number; position: string }>(
    `select c.partition, min(c.position) as position
     from balde.checkpoint c
     join balde.projection p on p.name = c.fold and p.version = c.version
     where p.name = any ($1::text[]) and p.state <> 'fixed'
     group by c.partition
     having count(c.position) =
       (select count(*) from balde.projection where name = any ($1::text[]) and state <> 'fixed')`,
    [folds],
  );
  return new Map(rows.map((row) => [row.partition, row.position]));
}

export interface CheckpointRow {
  readonly fold: string;
  readonly version: number;
  /** The public views show this version. */
  readonly served: boolean;
  readonly partition: number;
  readonly position: string | null;
  /** When the position last changed, milliseconds since 1970. */
  readonly movedAt: number;
}

/** Of every version of every fold that reads on, the partitions that it has taken up. */
export async function listCheckpoints(sql: Sql): Promise<CheckpointRow[]> {
  return await sql.query<CheckpointRow>(
    `select c.fold, c.version, p.served, c.partition, c.position, c.updated_at as "movedAt"
     from balde.checkpoint c
     join balde.projection p on p.name = c.fold and p.version = c.version and p.state <> 'fixed'
     order by c.fold, c.version, c.partition`,
  );
}

/**
 * Forgets where folds stand, as if they had read nothing. A processor that runs finds a position it does not expect at
 * its next commit, as a zombie does, and goes on from here.
 * @returns those that had a position, with it
 */
export async function resetCheckpoints(
  database: Database,
  which: { readonly folds: readonly string[]; readonly partition: number | null },
): Promise<CheckpointRow[]> {
  return await database.transaction(async (tx) => {
    // The same order of locks as in a commit.
    await tx.execute(
      `select from balde.checkpoint where fold = any ($1::text[]) order by fold, version, partition for update`,
      [which.folds],
    );
    const before = (await listCheckpoints(tx)).filter(
      ({ fold, partition, position }) =>
        which.folds.includes(fold) && position !== null && (which.partition === null || which.partition === partition),
    );
    await tx.execute(
      `update balde.checkpoint c set position = null, updated_at = clock_timestamp()
       from unnest($1::text[], $2::integer[], $3::integer[]) as u (fold, version, partition)
       where c.fold = u.fold and c.version = u.version and c.partition = u.partition`,
      [before.map(({ fold }) => fold), before.map(({ version }) => version), before.map(({ partition }) => partition)],
    );
    return before;
  });
}

/** A text that differs once something that the views show was committed. */
export async function committedMark(sql: Sql): Promise<string> {
  const [row] = await sql.query<{ mark: string | null }>(
    `select md5(string_agg(concat_ws(' ', c.fold, c.version, c.partition, c.position), ',' order by c.fold, c.partition)) as mark
     from balde.checkpoint c join balde.projection p on p.name = c.fold and p.version = c.version
     where p.served and c.position is not null`,
  );
  return row?.mark ?? '';
}
