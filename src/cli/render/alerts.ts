/** Alerts as text and as JSON. */
import type { AlertFilter, AlertRow, AlertScore } from '../../views/alerts.ts';
import { table } from './table.ts';
import { durationText, iso, numbered, numberText, timeText } from '../../format.ts';
import type { Column } from './table.ts';

/** What was asked for, and how many more there are than shown. */
interface AlertList {
  readonly alerts: readonly AlertRow[];
  readonly filter: AlertFilter;
  readonly more: number;
}

export function alertsText({ alerts, filter, more }: AlertList): string[] {
  if (alerts.length === 0) return [nothingText(filter)];
  const rest = `and ${numberText(more)} older ${more === 1 ? 'one' : 'ones'}: --limit, --from, --open and others say which are shown`;
  return [...table(COLUMNS, alerts), ...(more > 0 ? [rest] : [])];
}

function nothingText({ open, from, to, ...where }: AlertFilter): string {
  const isNarrow = from !== null || to !== null || Object.values(where).some((value) => value !== null);
  return `no ${open ? 'open ' : ''}alert${isNarrow ? ' like that' : ''}`;
}

/** An alert as `--json` shows it: the columns of dict_rate_limit_alerts, times as ISO strings. */
export const alertJson = (alert: AlertRow) => ({
  ...alert,
  created_at: iso(alert.created_at),
  resolved_at: iso(alert.resolved_at),
});

/** Enough of an id to name an alert by. */
export const shortId = (id: string): string => id.slice(0, 8);

const COLUMNS: readonly Column<AlertRow>[] = [
  { title: 'RAISED', value: (a) => timeText(a.created_at) },
  { title: 'SEVERITY', value: (a) => a.severity },
  { title: 'PARTICIPANT', value: (a) => a.participant },
  { title: 'POLICY', value: (a) => a.endpoint_id },
  { title: 'TOKENS', value: (a) => numberText(a.available_tokens), right: true },
  { title: 'CAPACITY', value: (a) => numberText(a.capacity), right: true },
  { title: 'REASON', value: (a) => a.reason },
  { title: 'RESOLVED', value: (a) => (a.resolved ? timeText(a.resolved_at) : 'open') },
  {
    title: 'AFTER',
    value: (a) => durationText(a.resolved_at === null ? null : (a.resolved_at - a.created_at) / 1000),
    right: true,
  },
  { title: 'ID', value: (a) => shortId(a.id) },
];

const SCORE_COLUMNS: readonly Column<AlertScore>[] = [
  { title: 'PARTICIPANT', value: (s) => s.participant },
  { title: 'POLICY', value: (s) => s.endpoint_id },
  { title: 'INCIDENTS', value: (s) => numberText(s.incidents), right: true },
  { title: 'OPEN', value: (s) => numberText(s.open), right: true },
  { title: 'REACHED ZERO', value: (s) => numberText(s.reached_zero), right: true },
  { title: 'ANNOUNCED', value: (s) => numberText(s.announced), right: true },
  { title: 'FALSE', value: (s) => numberText(s.false_alarms), right: true },
  { title: 'MEDIAN LEAD', value: (s) => durationText(s.median_lead_seconds), right: true },
];

export function alertScoresText(scores: readonly AlertScore[]): string[] {
  if (scores.length === 0) return ['no alert'];
  const sum = (of: (score: AlertScore) => number): number => scores.reduce((total, one) => total + of(one), 0);
  const [reached, announced] = [sum((s) => s.reached_zero), sum((s) => s.announced)];
  return [
    ...table(SCORE_COLUMNS, scores),
    `${numberText(reached)} of ${numbered(
      sum((s) => s.incidents),
      'incident',
    )} reached zero, ${numberText(announced)} of these after the alert; ` +
      `${numberText(sum((s) => s.false_alarms))} were over without`,
  ];
}
