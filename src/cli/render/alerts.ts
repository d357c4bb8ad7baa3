/** Alerts as text and as JSON. */
import type { AlertFilter, AlertRow } from '../../views/alerts.ts';
import { table } from './table.ts';
import { durationText, iso, numberText, timeText } from '../../format.ts';
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
