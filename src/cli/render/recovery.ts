/** When buckets will be better, as text and as JSON. */
import type { Recovery, Span } from '../../domain/estimate/recovery.ts';
import type { BucketStatus } from '../../operate/status.ts';
import { durationText, numberText } from '../../format.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

export const recoveryJson = ({ usable, cleared, full, clearedAtDemand, fullAtDemand }: Recovery) => ({
  usable_seconds_low: usable?.low ?? null,
  usable_seconds_high: usable?.high ?? null,
  above_warning_seconds_low: cleared?.low ?? null,
  above_warning_seconds_high: cleared?.high ?? null,
  full_seconds_low: full?.low ?? null,
  full_seconds_high: full?.high ?? null,
  above_warning_seconds_at_demand: clearedAtDemand,
  full_seconds_at_demand: fullAtDemand,
});

/** `45s`, or `4m 00s to 5m 00s`. */
export const spanText = (span: Span | null): string =>
  span === null || span.low === span.high
    ? durationText(span?.high ?? null)
    : `${durationText(span.low)} to ${durationText(span.high)}`;

export const recoveryText = (states: readonly BucketStatus[]): string[] => [
  ...table(COLUMNS, states),
  '',
  'Without traffic, from the newest observation on; NOW as the bucket is drawn on at present, - never or not known.',
];

const COLUMNS: readonly Column<BucketStatus>[] = [
  { title: 'PARTICIPANT', value: (s) => s.participant },
  { title: 'POLICY', value: (s) => s.endpoint_id },
  { title: 'TOKENS', value: (s) => numberText(s.available_tokens), right: true },
  { title: 'USABLE IN', value: (s) => spanText(s.recovery.usable), right: true },
  { title: 'ALERT ENDS IN', value: (s) => spanText(s.recovery.cleared), right: true },
  { title: 'NOW', value: (s) => durationText(s.recovery.clearedAtDemand), right: true },
  { title: 'FULL IN', value: (s) => spanText(s.recovery.full), right: true },
  { title: 'NOW', value: (s) => durationText(s.recovery.fullAtDemand), right: true },
];
