/** What was observed of a participant lately: what a poller that begins goes on from. */
import type { HistoryRow, SampleRow } from '../../projections/states/fold.ts';
import { sampleOfRow } from '../../projections/states/fold.ts';
import type { Sample } from '../domain/enrichment.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';

interface RecentReading extends Sample {
  readonly policy: string;
  /** By the poller's clock. */
  readonly observedAt: EpochMs;
  readonly pollId: string;
}

/** All observations of DICT's time `since` or later, by the poller's. One range of the primary key for each bucket. */
export async function recentReadings(sql: Sql, participant: string, since: EpochMs): Promise<RecentReading[]> {
  const rows = await sql.query<SampleRow & Pick<HistoryRow, 'endpoint_id' | 'poll_id'> & { created_at: EpochMs }>(
    `select p.endpoint_id, h.*
     from dict_rate_limit_policies p
     cross join lateral (
       select available_tokens, capacity, refill_tokens, refill_period_sec, psp_category, response_time, created_at, poll_id
       from dict_rate_limit_states s
       where s.participant = p.participant and s.endpoint_id = p.endpoint_id and s.response_time >= $2
     ) h
     where p.participant = $1
     order by h.created_at, p.endpoint_id`,
    [participant, instant(since)],
  );
  return rows.map((row) => ({
    ...{ policy: row.endpoint_id, observedAt: row.created_at, pollId: row.poll_id },
    ...sampleOfRow(row),
  }));
}
