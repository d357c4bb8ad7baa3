/** Versions of the read models: which exist, which is served, what state each is in. */
import { required } from '../required.ts';
import type { FoldId } from './checkpoints.ts';
import type { Database, Sql } from './database.ts';
import { lock } from './locks.ts';
import { createSchema, readModelSql, schemaOf } from './schemas.ts';
import type { FoldRevision, ReadModelSql } from './schemas.ts';

/** See migration 0005. */
export type VersionState = 'filling' | 'catching_up' | 'live' | 'fixed';

export interface Version extends FoldId {
  /** The fold's revision that it is written with. */
  readonly revision: number;
  readonly served: boolean;
  readonly state: VersionState;
  /** What it was built from; `null` for one that grew with the log. */
  readonly source: string | null;
  /** Built up to this time of events; `null` without a limit. Milliseconds. */
  readonly until: number | null;
  readonly createdAt: number;
  /** When it was last put in service. */
  readonly servedAt: number | null;
}

const COLUMNS = `name, version, revision, served, state, source, until, created_at as "createdAt", served_at as "servedAt"`;

export async function listVersions(sql: Sql, name?: string): Promise<Version[]> {
  return await sql.query<Version>(
    `select ${COLUMNS} from balde.projection where name = coalesce($1, name) order by name, version`,
    [name ?? null],
  );
}

/**
 * Makes an empty version beside the others.
 * @param check looks at it before anybody sees it: what it throws undoes the version
 */
export async function createVersion(
  database: Database,
  { name, revision }: FoldRevision,
  { source, until }: Pick<Version, 'source' | 'until'>,
  { sql, check }: { readonly sql?: ReadModelSql; readonly check?: (tx: Sql, created: Version) => Promise<void> } = {},
): Promise<Version> {
  const { tables, views } = sql ?? (await readModelSql(name));
  return await database.transaction(async (tx) => {
    await lock(tx, 'install');
    const [created] = await tx.query<Version>(
      `insert into balde.projection (name, version, served, revision, state, source, until, views_sql)
       select $1, coalesce(max(version), 0) + 1, false, $2, 'filling', $3, $4, $5 from balde.projection where name = $1
       returning ${COLUMNS}`,
      [name, revision, source, until === null ? null : new Date(until).toISOString(), views],
    );
    const version = required(created, 'an insert of one row returns it');
    await createSchema(tx, version, tables);
    await check?.(tx, version);
    return version;
  });
}

export async function setVersionState(sql: Sql, { name, version }: FoldId, state: VersionState): Promise<void> {
  await sql.execute(`update balde.projection set state = $3 where name = $1 and version = $2`, [name, version, state]);
}

/** What a version takes: rows as the database estimates them, and bytes with indexes. */
export async function sizeOfVersion(
  sql: Sql,
  fold: FoldId,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const [row] = await sql.query<{ rows: number; bytes: number }>(
    `select coalesce(sum(greatest(reltuples, 0)), 0)::bigint as rows,
       coalesce(sum(pg_total_relation_size(oid)), 0)::bigint as bytes
     from pg_class where relnamespace = to_regnamespace($1) and relkind = 'r'`,
    [`"${schemaOf(fold)}"`],
  );
  return row ?? { rows: 0, bytes: 0 };
}

/** It was put in service: what readers look at is never removed. */
export class VersionServedError extends Error {
  override readonly name = 'VersionServedError';
}

/**
 * Removes a version, tables and all; one that is gone already stays gone. A processor that runs on it finds it gone and
 * stops. @throws {VersionServedError} it is in service by now, and stays
 */
export async function dropVersion(database: Database, { name, version }: FoldId): Promise<void> {
  await database.transaction(async (tx) => {
    const [row] = await tx.query<{ served: boolean }>(
      `select served from balde.projection where name = $1 and version = $2 for update`,
      [name, version],
    );
    if (row?.served === true)
      throw new VersionServedError(`version ${version} of ${name} is in service: cut over to another first`);
    await tx.execute(`delete from balde.projection where name = $1 and version = $2`, [name, version]);
    // The schema first: a processor's commit locks the states before the checkpoint.
    await tx.execute(`drop schema if exists "${schemaOf({ name, version })}" cascade`);
    await tx.execute(`delete from balde.checkpoint where fold = $1 and version = $2`, [name, version]);
  });
}
