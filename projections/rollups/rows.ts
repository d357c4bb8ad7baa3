/** How a period is written: the tables of closed ones, and the table of those that are open. */
import type { Sample } from '../../src/domain/enrichment.ts';
import type { BucketKey, EpochMs } from '../../src/domain/events.ts';
import { rowOf } from '../../src/domain/fold.ts';
import type { RowOf, Value } from '../../src/domain/fold.ts';
import type { Period, Resolution } from './periods.ts';

export const COLUMNS = {
  participant: 'text',
  endpoint_id: 'text',
  starts_at: 'timestamptz',
  observations: 'integer',
  lowest_tokens: 'integer',
  lowest_capacity: 'integer',
  highest_tokens: 'integer',
  highest_capacity: 'integer',
  last_tokens: 'integer',
  last_capacity: 'integer',
  last_refill_tokens: 'integer',
  last_refill_period_sec: 'integer',
  last_psp_category: 'text',
  last_at: 'timestamptz',
  ms_at_0: 'integer',
  ms_to_10: 'integer',
  ms_to_20: 'integer',
  ms_to_30: 'integer',
  ms_to_40: 'integer',
  ms_to_50: 'integer',
  ms_to_60: 'integer',
  ms_to_70: 'integer',
  ms_to_80: 'integer',
  ms_to_90: 'integer',
  ms_to_100: 'integer',
  ms_above_100: 'integer',
  ms_unobserved: 'integer',
  ms_blind: 'integer',
  consumption_low: 'bigint',
  consumption_high: 'bigint',
  entered_since: 'timestamptz',
  entered_low: 'bigint',
  entered_high: 'bigint',
} as const;

export const OPEN_COLUMNS = { ...COLUMNS, resolution: 'text' } as const;

/** What a row tells of the last observation in its period. */
export type PeriodRow = RowOf<Pick<typeof COLUMNS, keyof Sampled>, Sampled>;

interface Sampled {
  readonly last_tokens: number;
  readonly last_capacity: number;
  readonly last_refill_tokens: number;
  readonly last_refill_period_sec: number;
  readonly last_psp_category: string | null;
  readonly last_at: EpochMs;
}

export const sampleOfRow = (row: PeriodRow): Sample => ({
  availableTokens: row.last_tokens,
  capacity: row.last_capacity,
  refillTokens: row.last_refill_tokens,
  refillPeriodSec: row.last_refill_period_sec,
  category: row.last_psp_category,
  responseTime: row.last_at,
});

export const openRow = (
  bucket: BucketKey,
  resolution: Resolution,
  period: Period,
  newest: Sample,
): readonly Value[] => [...rowOfPeriod(bucket, period, newest), resolution];

/** @param newest observation before the period's end */
export function rowOfPeriod({ participant, policy }: BucketKey, period: Period, newest: Sample): readonly Value[] {
  const { lowest, highest, ms, entered } = period;
  const last = period.observations === 0 ? null : newest;
  const time = (band: number): number => ms[band] ?? 0;
  // One literal, without others spread into it: a rebuild makes millions, and engines are slow at large ones otherwise.
  return rowOf(COLUMNS, {
    participant,
    endpoint_id: policy,
    starts_at: period.start,
    observations: period.observations,
    lowest_tokens: lowest?.[0] ?? null,
    lowest_capacity: lowest?.[1] ?? null,
    highest_tokens: highest?.[0] ?? null,
    highest_capacity: highest?.[1] ?? null,
    last_tokens: last?.availableTokens ?? null,
    last_capacity: last?.capacity ?? null,
    last_refill_tokens: last?.refillTokens ?? null,
    last_refill_period_sec: last?.refillPeriodSec ?? null,
    last_psp_category: last?.category ?? null,
    last_at: last?.responseTime ?? null,
    ms_at_0: time(0),
    ms_to_10: time(1),
    ms_to_20: time(2),
    ms_to_30: time(3),
    ms_to_40: time(4),
    ms_to_50: time(5),
    ms_to_60: time(6),
    ms_to_70: time(7),
    ms_to_80: time(8),
    ms_to_90: time(9),
    ms_to_100: time(10),
    ms_above_100: time(11),
    ms_unobserved: period.unobserved,
    ms_blind: period.blind,
    consumption_low: period.low,
    consumption_high: period.high,
    entered_since: entered?.since ?? null,
    entered_low: entered?.low ?? null,
    entered_high: entered?.high ?? null,
  });
}
