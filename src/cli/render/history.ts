/** Observations of a bucket as text, JSON and CSV. */
import { stringify } from 'csv-stringify/sync';
import type { Bucket } from '../../views/buckets.ts';
import { POINT_COLUMNS } from '../../views/history.ts';
import type { HistoryPoint, Profile } from '../../views/history.ts';
import { levelOf } from '../../domain/thresholds.ts';
import type { ThresholdRules } from '../../domain/thresholds.ts';
import { table } from './table.ts';
import { durationText, iso, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from './table.ts';
import { sparkline } from './sparkline.ts';
import { CSV_CAST } from './csv.ts';

/** An observation as `--json` and `--csv` show it. */
export const pointJson = (point: HistoryPoint, rules: ThresholdRules) => ({
  ...point,
  response_time: iso(point.response_time),
  level: levelOf(point.available_tokens, point.capacity, rules),
});

export function historyCsv(points: readonly HistoryPoint[], rules: ThresholdRules): string {
  const columns = [...POINT_COLUMNS, 'level'];
  const records = points.map((point) => pointJson(point, rules));
  return stringify(records, { header: true, columns, cast: CSV_CAST });
}

/** `12`, `about 40 (31 to 55)`, or, where nothing is known but bounds, `12 to 340` or `12 or more` tokens. */
export function consumptionText(point: HistoryPoint): string {
  const { consumption_low: low, consumption_high: high, consumption_estimate: estimate } = point;
  const { consumption_low80: low80, consumption_high80: high80 } = point;
  if (low === null) return '-';
  if (estimate !== null && low80 !== null && high80 !== null) {
    const [about, least, most] = [estimate, low80, high80].map((tokens) => numberText(Math.round(tokens)));
    return low80 === high80 ? `${about}` : `about ${about} (${least} to ${most})`;
  }
  if (high === null) return `${numberText(low)} or more`;
  return low === high ? numberText(low) : `${numberText(low)} to ${numberText(high)}`;
}

const rateText = (perMinute: number | null): string => (perMinute === null ? '-' : perMinute.toFixed(1));

/** The columns of an observation as text. */
export const pointColumns = (rules: ThresholdRules): readonly Column<HistoryPoint>[] => [
  { title: 'TIME', value: (p) => timeText(p.response_time) },
  { title: 'TOKENS', value: (p) => numberText(p.available_tokens), right: true },
  { title: 'CAPACITY', value: (p) => numberText(p.capacity), right: true },
  { title: 'LEFT', value: (p) => percentText(p.remaining_percent), right: true },
  { title: 'DRAIN/MIN', value: (p) => rateText(p.net_drain_per_minute), right: true },
  { title: 'CONSUMED', value: consumptionText, right: true },
  { title: 'FULL IN', value: (p) => durationText(p.recovery_eta_seconds), right: true },
  { title: 'EMPTY IN', value: (p) => durationText(p.exhaustion_projection_seconds), right: true },
  { title: 'LEVEL', value: (p) => levelOf(p.available_tokens, p.capacity, rules) },
];

export function historyText(
  { participant, policy }: Pick<Bucket, 'participant' | 'policy'>,
  profile: Profile,
  points: readonly HistoryPoint[],
  rules: ThresholdRules,
): string[] {
  const hidden = profile.observations - points.length;
  return [
    `${policy} of ${participant}: ${numberText(profile.observations)} ${profile.observations === 1 ? 'observation' : 'observations'} from ${timeText(profile.from)} to ${timeText(profile.to)}${hidden > 0 ? `, the newest ${points.length} below` : ''}`,
    `tokens left  ${sparkline(profile.points)}`,
    '',
    ...table(pointColumns(rules), points),
  ];
}
