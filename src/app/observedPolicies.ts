/** The policies of a participant that are observed, with the newest observations: what a poller begins with. */
import type { KnownPolicy } from '../poll/roll.ts';
import type { Sql } from '../store/database.ts';

export async function observedPolicies(sql: Sql, participant: string): Promise<KnownPolicy[]> {
  return await sql.query<KnownPolicy>(
    `select endpoint_id as policy, available_tokens as "availableTokens", capacity,
       refill_tokens as "refillTokens", refill_period_sec as "refillPeriodSec", psp_category as category,
       response_time as "responseTime"
     from v_dict_rate_limit_latest_states where participant = $1`,
    [participant],
  );
}
