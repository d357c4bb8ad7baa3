/** Rights on the public views: a cut-over makes the views anew, and whoever could read them must still be able to. */
import type { Sql } from './database.ts';

export interface ViewGrant {
  readonly view: string;
  /** `null` where it is for all of the view. */
  readonly column: string | null;
  /** The GRANT that gives it again. */
  readonly statement: string;
}

export async function readViewGrants(sql: Sql): Promise<ViewGrant[]> {
  return await sql.query<ViewGrant>(
    `select c.relname as view, null as column,
       format('grant %s on public.%I to %s%s', x.privilege_type, c.relname,
         case when x.grantee = 0 then 'public' else x.grantee::regrole::text end,
         case when x.is_grantable then ' with grant option' end) as statement
     from pg_class c
     cross join lateral aclexplode(c.relacl) x
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and x.grantee <> c.relowner
     union all
     select c.relname, a.attname,
       format('grant %s (%I) on public.%I to %s%s', x.privilege_type, a.attname, c.relname,
         case when x.grantee = 0 then 'public' else x.grantee::regrole::text end,
         case when x.is_grantable then ' with grant option' end)
     from pg_class c
     join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
     cross join lateral aclexplode(a.attacl) x
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
     order by 1, 3`,
  );
}

/** Gives the rights again on the views, and the columns of them, that still exist. */
export async function restoreViewGrants(tx: Sql, grants: readonly ViewGrant[]): Promise<void> {
  const columns = await tx.query<{ view: string; column: string }>(
    `select c.relname as view, a.attname as column
     from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'`,
  );
  const views = new Set(columns.map(({ view }) => view));
  const existing = new Set(columns.map(({ view, column }) => `${view}.${column}`));
  for (const { view, column, statement } of grants)
    if (column === null ? views.has(view) : existing.has(`${view}.${column}`)) await tx.execute(statement);
}
