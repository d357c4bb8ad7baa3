/** Rights on the public views: a cut-over makes the views anew, and whoever could read them must still be able to. */
import type { Sql } from './database.ts';

export interface ViewGrant {
  readonly view: string;
  /** The GRANT that gives it again. */
  readonly statement: string;
}

export async function readViewGrants(sql: Sql): Promise<ViewGrant[]> {
  return await sql.query<{ view: string; statement: string }>(
    `select c.relname as view,
       format('grant %s on public.%I to %s%s', x.privilege_type, c.relname,
         case when x.grantee = 0 then 'public' else x.grantee::regrole::text end,
         case when x.is_grantable then ' with grant option' end) as statement
     from pg_class c
     cross join lateral aclexplode(c.relacl) x
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and x.grantee <> c.relowner
     order by 1, 2`,
  );
}

/** Gives the rights again on the views that still exist. */
export async function restoreViewGrants(tx: Sql, grants: readonly ViewGrant[]): Promise<void> {
  const views = await tx.query<{ view: string }>(
    `select relname as view from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v'`,
  );
  const existing = new Set(views.map(({ view }) => view));
  for (const { view, statement } of grants) if (existing.has(view)) await tx.execute(statement);
}
