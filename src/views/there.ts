/** Views that an older program, or an older revision in service, did not make. */
import type { Sql } from '../store/database.ts';

/** Whether the database has the view. */
export async function isThere(sql: Sql, view: string): Promise<boolean> {
  const [row] = await sql.query<{ there: boolean }>('select to_regclass($1) is not null as there', [`public.${view}`]);
  return row?.there === true;
}
