/** What the views need to know of the configuration. */
import { percentText } from '../domain/percent.ts';
import type { Sql } from './database.ts';

export interface Judging {
  readonly rules: { readonly warningPercent: number; readonly criticalPercent: number };
  readonly staleAfterMs: number;
}

/** @returns what the views of a database in use judged with before, if that was different, in words */
export async function saveSettings(sql: Sql, { rules, staleAfterMs }: Judging): Promise<string | null> {
  const { warningPercent, criticalPercent } = rules;
  const [before] = await sql.query<{ warning: number; critical: number; stale: number; used: boolean }>(
    `select warning_percent as warning, critical_percent as critical, stale_after_seconds as stale,
       exists (select from balde.checkpoint where position is not null) as used
     from balde.setting`,
  );
  await sql.execute('update balde.setting set warning_percent = $1, critical_percent = $2, stale_after_seconds = $3', [
    warningPercent,
    criticalPercent,
    staleAfterMs / 1000,
  ]);
  if (before?.used !== true) return null;
  const { warning, critical, stale } = before;
  if (warning === warningPercent && critical === criticalPercent && stale * 1000 === staleAfterMs) return null;
  const words = (w: number, c: number, s: number): string =>
    `WARNING ${percentText(w)} %, CRITICAL ${percentText(c)} %, stale after ${s} s`;
  return `the views judged with ${words(warning, critical, stale)}; from now on with ${words(warningPercent, criticalPercent, staleAfterMs / 1000)}, as this process is set`;
}

/** What the process that started last told. */
export const readStaleAfterMs = async (sql: Sql): Promise<number> =>
  (await readThresholds(sql)).stale_after_seconds * 1000;

export interface Thresholds {
  readonly warning_percent: number;
  readonly critical_percent: number;
  readonly stale_after_seconds: number;
}

/** What the views judge by: that of the process that started last. */
export async function readThresholds(sql: Sql): Promise<Thresholds> {
  const [row] = await sql.query<Thresholds>(
    'select warning_percent, critical_percent, stale_after_seconds from balde.setting',
  );
  if (row === undefined) throw new Error('balde.setting has no row: the migration puts one there');
  return row;
}
