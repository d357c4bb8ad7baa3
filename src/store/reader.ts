/** The role that Grafana and others read through: it may read the public views and nothing else. */
import type { Database, Sql } from './database.ts';
import { hasSqlState } from './errors.ts';
import { lock } from './locks.ts';

export const READER = 'balde_readonly';

export interface ReaderLacks {
  /** The role is not there. */
  readonly role: boolean;
  /** May not look into schema public. */
  readonly usage: boolean;
  /** Views that it may not read. */
  readonly views: readonly string[];
}

/** What it lacks for reading all of Balde's views; everything `false` or empty when it lacks nothing. */
export async function readerLacks(sql: Sql): Promise<ReaderLacks> {
  const [found] = await sql.query<{ role: boolean; usage: boolean; views: string[] }>(
    `select r.oid is not null as role,
       coalesce(has_schema_privilege(r.oid, 'public', 'usage'), false) as usage,
       coalesce(array_agg(v.relname::text order by v.relname)
         filter (where not coalesce(has_table_privilege(r.oid, v.oid, 'select'), false)), '{}') as views
     from (select) one
     left join pg_roles r on r.rolname = $1
     left join pg_class v on v.relnamespace = 'public'::regnamespace and v.relkind = 'v'
       and v.relname ~ '^(v_)?dict_rate_limit_'
     group by r.oid`,
    [READER],
  );
  return { role: found?.role !== true, usage: found?.usage !== true, views: found?.views ?? [] };
}

/**
 * Makes the role and gives it its rights, as far as the user of the database may: also those that could not be given
 * before because the role did not exist.
 * @returns what an administrator has to do, in a line; `null` when nothing is lacking
 */
export async function ensureReader(database: Database): Promise<string | null> {
  if ((await readerLacks(database)).role) await createRole(database);
  const before = await readerLacks(database);
  if (before.role) return inALine(before);
  if (!before.usage && before.views.length === 0) return null;
  await database.transaction(async (tx) => {
    await lock(tx, 'install');
    for (const view of (await readerLacks(tx)).views) await tx.execute(`grant select on public."${view}" to ${READER}`);
  });
  const after = await readerLacks(database);
  return after.usage || after.views.length > 0 ? inALine(after) : null;
}

/** What is lacking, and what an administrator does about it. */
export function describeLacks(lacks: ReaderLacks): { readonly what: string; readonly remedy: string } {
  if (lacks.role) {
    return {
      what: `role ${READER}, which Grafana reads through, does not exist, and the user of DATABASE_URL may not create it`,
      remedy: `As an administrator: create role ${READER} nologin; its rights follow at the next balde start or balde migrate.`,
    };
  }
  const statements = [
    ...(lacks.usage ? [`grant usage on schema public to ${READER};`] : []),
    ...(lacks.views.length > 0 ? [`grant select on ${lacks.views.join(', ')} to ${READER};`] : []),
  ];
  return {
    what: `role ${READER} may not read ${lacks.usage ? 'schema public' : lacks.views.join(', ')}`,
    remedy: `As their owner: ${statements.join(' ')}`,
  };
}

const inALine = (lacks: ReaderLacks): string => {
  const { what, remedy } = describeLacks(lacks);
  return `${what}. ${remedy}`;
};

async function createRole(database: Database): Promise<void> {
  try {
    await database.execute(`create role ${READER} nologin`);
  } catch (error) {
    // Made by another process meanwhile, or not allowed, which the caller tells.
    if (!['42710', '23505', '42501'].some((code) => hasSqlState(error, code))) throw error;
  }
}
