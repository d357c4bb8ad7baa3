/** What the views need to know of the configuration. */
import type { Sql } from './database.ts';

export interface Judging {
  readonly rules: { readonly warningPercent: number; readonly criticalPercent: number };
  readonly staleAfterMs: number;
}

export async function saveSettings(sql: Sql, { rules, staleAfterMs }: Judging): Promise<void> {
  await sql.execute(
    'update balde.setting set warning_percent = $1, critical_percent = $2, stale_after_seconds = $3',
    [rules.warningPercent, rules.criticalPercent, staleAfterMs / 1000],
  );
}

/** What the process that started last told. */
export async function readStaleAfterMs(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ stale: number }>('select stale_after_seconds as stale from balde.setting');
  if (row === undefined) throw new Error('balde.setting has no row: the migration puts one there');
  return row.stale * 1000;
}
