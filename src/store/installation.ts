/** Who this database is to others, and what fills it. */
import type { Sql } from './database.ts';

/** What observations come from. */
export type Source = 'bridge' | 'simulator';

export interface Installation {
  /** Stays with the data: a backup that is restored has it too. */
  readonly id: string;
  /** The namespace it goes on with: its mark, and its name for people; `null` before the first. */
  readonly log: { readonly mark: string; readonly name: string } | null;
  /** Where this very copy lies: another after a restore into a new database, also when both are there. */
  readonly place: string;
}

export async function readInstallation(sql: Sql): Promise<Installation> {
  const [row] = await sql.query<{ id: string; log: string | null; log_name: string | null; place: string }>(
    `select i.id, i.log, i.log_name, s.system_identifier || '/' || d.oid as place
     from balde.installation i, pg_control_system() s, pg_database d
     where d.datname = current_database()`,
  );
  if (row === undefined) throw new Error('balde.installation has no row: the migration puts one there');
  const { id, log, log_name: name, place } = row;
  return { id, place, log: log === null || name === null ? null : { mark: log, name } };
}

export async function saveLog(sql: Sql, { mark, name }: NonNullable<Installation['log']>): Promise<void> {
  await sql.execute('update balde.installation set log = $1, log_name = $2', [mark, name]);
}

/** What fills the database; `null`: nothing did yet. */
export async function readSource(sql: Sql): Promise<Source | null> {
  const [row] = await sql.query<{ source: Source | null }>('select source from balde.installation');
  return row?.source ?? null;
}

/** What fills the database; the first one to ask decides. */
export async function settleSource(sql: Sql, source: Source): Promise<Source> {
  const [row] = await sql.query<{ source: Source }>(
    'update balde.installation set source = coalesce(source, $1) returning source',
    [source],
  );
  return row?.source ?? source;
}
