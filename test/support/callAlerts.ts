/** A database as it was before there were alerts about calls. */
import type { Sql } from '../../src/store/database.ts';

export async function withoutCallAlerts(sql: Sql): Promise<void> {
  await sql.execute('drop view public.dict_rate_limit_call_alerts');
  await sql.execute('drop table balde.call_alert, balde.call_alert_round');
}
