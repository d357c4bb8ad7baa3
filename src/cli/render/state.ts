/** Buckets at one time as text, as JSON and as bars of a chart. */
import type { BucketBar } from '../../analysis/charts.ts';
import { table } from './table.ts';
import { durationText, iso, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from './table.ts';
import type { BucketsAt, JudgedBucket } from '../../operate/bucketsAt.ts';

export const stateJson = ({ at, buckets }: BucketsAt) => ({ at: iso(at), states: buckets.map(bucketJson) });

function bucketJson({ state, level, ageSeconds, stale }: JudgedBucket) {
  const { alert_id: id, alert_severity: severity, alert_created_at: created, ...columns } = state;
  return {
    ...columns,
    response_time: iso(columns.response_time),
    remaining_percent: 100 - columns.utilization_percent,
    age_seconds: ageSeconds,
    level,
    stale,
    alert: id === null ? null : { id, severity, created_at: iso(created) },
  };
}

export const barOf = ({ state, level, stale }: JudgedBucket): BucketBar => ({
  participant: state.participant,
  policy: state.endpoint_id,
  level,
  availableTokens: state.available_tokens,
  capacity: state.capacity,
  remainingPercent: 100 - state.utilization_percent,
  stale,
});

const COLUMNS: readonly Column<JudgedBucket>[] = [
  { title: 'LEVEL', value: ({ level, stale }) => (stale ? `${level} (stale)` : level) },
  { title: 'PARTICIPANT', value: ({ state }) => state.participant },
  { title: 'POLICY', value: ({ state }) => state.endpoint_id },
  { title: 'LEFT', value: ({ state }) => percentText(100 - state.utilization_percent), right: true },
  { title: 'TOKENS', value: ({ state }) => numberText(state.available_tokens), right: true },
  { title: 'CAPACITY', value: ({ state }) => numberText(state.capacity), right: true },
  { title: 'CATEGORY', value: ({ state }) => state.psp_category ?? '-' },
  { title: 'AGE', value: ({ ageSeconds }) => durationText(ageSeconds), right: true },
  { title: 'FULL IN', value: ({ state }) => durationText(state.recovery_eta_seconds), right: true },
  { title: 'EMPTY IN', value: ({ state }) => durationText(state.exhaustion_projection_seconds), right: true },
  {
    title: 'OPEN ALERT',
    value: ({ state }) =>
      state.alert_id === null ? '-' : `${state.alert_severity ?? ''} since ${timeText(state.alert_created_at)}`,
  },
];

export function stateText({ buckets, at, unseen }: BucketsAt): string[] {
  const open = buckets.filter(({ state }) => state.alert_id !== null).length;
  return [
    `${buckets.length} ${buckets.length === 1 ? 'bucket' : 'buckets'} at ${timeText(at)}, ${open} open ${open === 1 ? 'alert' : 'alerts'}${unseen > 0 ? `; ${unseen} not known yet, or no longer in history` : ''}`,
    '',
    ...table(COLUMNS, buckets),
  ];
}
