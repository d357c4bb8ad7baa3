/** Forecasts of empty buckets, as the served views have them, and how well they did. */
import type { ForecastRow } from '../../projections/forecasts/fold.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Parameter, Sql } from '../store/database.ts';
import { ofBucket } from './alerts.ts';
import type { OfBucket } from './alerts.ts';
import { instant } from './buckets.ts';

export type { ForecastRow } from '../../projections/forecasts/fold.ts';

export interface ForecastFilter {
  /** Only those not resolved. */
  readonly open: boolean;
  /** Made at this time or later. */
  readonly from: EpochMs | null;
  /** Made before this time. */
  readonly to: EpochMs | null;
  readonly participant: string | null;
  readonly policy: string | null;
}

const FITTING = `from dict_rate_limit_forecasts
  where (not $1 or not resolved)
    and created_at >= coalesce($2::timestamptz, '-infinity') and created_at < coalesce($3::timestamptz, 'infinity')
    and participant = coalesce($4, participant) and endpoint_id = coalesce($5, endpoint_id)`;

const parameters = ({ open, from, to, participant, policy }: ForecastFilter): Parameter[] => [
  ...[open, instant(from), instant(to), participant, policy],
];

/** A forecast is false when no empty bucket follows within this. */
export const COMES_TRUE_WITHIN_MINUTES = 30;

const IS_TRUE = `coalesce(zero_after_seconds <= ${COMES_TRUE_WITHIN_MINUTES * 60}, false)`;
const IS_WITHIN = 'zero_after_seconds between seconds_to_zero_low and seconds_to_zero_high';

/** Newest first. @param limit `null`: all of them */
export async function forecastsBetween(sql: Sql, filter: ForecastFilter, limit: number | null): Promise<ForecastRow[]> {
  return await sql.query<ForecastRow>(`select * ${FITTING} order by created_at desc, id desc limit $6::bigint`, [
    ...parameters(filter),
    limit,
  ]);
}

export type OpenForecast = Pick<
  ForecastRow,
  | 'id'
  | 'participant'
  | 'endpoint_id'
  | 'psp_category'
  | 'message'
  | 'created_at'
  | 'seconds_to_zero'
  | 'seconds_to_zero_low'
  | 'seconds_to_zero_high'
>;

/** Those whose bucket is empty first come first. */
export async function openForecasts(sql: Sql): Promise<OpenForecast[]> {
  return await sql.query<OpenForecast>(
    `select id, participant, endpoint_id, psp_category, message, created_at, seconds_to_zero, seconds_to_zero_low,
       seconds_to_zero_high
     from v_dict_rate_limit_open_forecasts`,
  );
}

/** Forecasts of a bucket made in a range of time, both ends included, oldest first. */
export async function forecastsOfBucket(
  sql: Sql,
  bucket: { readonly participant: string; readonly policy: string },
  from: EpochMs,
  to: EpochMs | null,
): Promise<ForecastRow[]> {
  return await sql.query<ForecastRow>(
    `select * from dict_rate_limit_forecasts
     where participant = $1 and endpoint_id = $2 and created_at >= $3
       and created_at <= coalesce($4::timestamptz, 'infinity')
     order by created_at`,
    [bucket.participant, bucket.policy, instant(from), instant(to)],
  );
}

/** Forecasts of one bucket that overlap a time, the newest `most` of them, oldest first. */
export async function forecastsOver(sql: Sql, range: OfBucket, most: number): Promise<ForecastRow[]> {
  return await ofBucket<ForecastRow>(sql, 'dict_rate_limit_forecasts', range, most);
}

/** Forecasts that were open at a time. */
export async function forecastsOpenAt(sql: Sql, at: EpochMs): Promise<ForecastRow[]> {
  return await sql.query<ForecastRow>(
    `select * from dict_rate_limit_forecasts
     where created_at <= $1 and (resolved_at is null or resolved_at > $1) order by created_at, participant, endpoint_id`,
    [instant(at)],
  );
}

export interface ForecastCount extends Pick<ForecastRow, 'participant' | 'endpoint_id' | 'psp_category'> {
  readonly created: number;
  readonly came_true: number;
  readonly within_interval: number;
}

/** Forecasts ever made, and what became of them: they are kept for ever, so the counts only grow. */
export async function forecastCounts(sql: Sql): Promise<ForecastCount[]> {
  return await sql.query<ForecastCount>(
    `select participant, endpoint_id, psp_category, count(*) as created,
       count(*) filter (where ${IS_TRUE}) as came_true, count(*) filter (where ${IS_TRUE} and ${IS_WITHIN}) as within_interval
     from dict_rate_limit_forecasts group by 1, 2, 3`,
  );
}

/** How the forecasts of one bucket did. Those still open are not judged. */
export interface ForecastScore {
  readonly participant: string;
  readonly endpoint_id: string;
  readonly forecasts: number;
  readonly open: number;
  /** The bucket was seen at or below zero within half an hour. */
  readonly came_true: number;
  /** Of those, where the 80 % interval held the moment. */
  readonly within_interval: number;
  /** From the forecast to that moment; `null` where none came true. Seconds. */
  readonly median_lead_seconds: number | null;
  /** That time, divided by the forecast one. */
  readonly median_realised_ratio: number | null;
}

/** Bucket by bucket, those with most forecasts first. */
export async function forecastScores(sql: Sql, filter: Omit<ForecastFilter, 'open'>): Promise<ForecastScore[]> {
  return await sql.query<ForecastScore>(
    `select participant, endpoint_id, count(*) as forecasts, count(*) filter (where not resolved) as open,
       count(*) filter (where is_true) as came_true,
       count(*) filter (where is_true and ${IS_WITHIN}) as within_interval,
       percentile_cont(0.5) within group (order by zero_after_seconds) filter (where is_true) as median_lead_seconds,
       percentile_cont(0.5) within group (order by zero_after_seconds / nullif(seconds_to_zero, 0))
         filter (where is_true) as median_realised_ratio
     from (
       select *, ${IS_TRUE} as is_true ${FITTING}
     ) as judged
     group by participant, endpoint_id
     order by forecasts desc, participant, endpoint_id`,
    parameters({ ...filter, open: false }),
  );
}
