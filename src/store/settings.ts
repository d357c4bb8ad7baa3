import type { Sql } from './database.ts';

export interface ViewSettings {
  readonly warningPercent: number;
  readonly criticalPercent: number;
  readonly staleAfterSeconds: number;
}

/** What the views need to know of the configuration. */
export async function saveSettings(sql: Sql, settings: ViewSettings): Promise<void> {
  await sql.execute(
    'update balde.setting set warning_percent = $1, critical_percent = $2, stale_after_seconds = $3',
    [settings.warningPercent, settings.criticalPercent, settings.staleAfterSeconds],
  );
}
