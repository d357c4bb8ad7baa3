/** Alerts about calls as text and as JSON. */
import { durationText, iso, numberText, timeText } from '../../format.ts';
import type { CallAlertRow } from '../../views/callAlerts.ts';
import { shortId } from './alerts.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

/** The columns of dict_rate_limit_call_alerts, times as ISO strings. */
export const callAlertJson = (alert: CallAlertRow) => ({
  ...alert,
  measured_from: iso(alert.measured_from),
  measured_until: iso(alert.measured_until),
  last_told_at: iso(alert.last_told_at),
  created_at: iso(alert.created_at),
  resolved_at: iso(alert.resolved_at),
});

export const callAlertsText = (alerts: readonly CallAlertRow[]): string[] =>
  alerts.length === 0 ? ['no alert about calls'] : table(COLUMNS, alerts);

const valueText = ({ kind }: CallAlertRow, value: number): string => {
  if (kind === 'UNEXPLAINED') return `${numberText(value)} tokens`;
  return kind === 'NOT_FOUND_RATE' ? `${value.toFixed(1)} %` : value.toFixed(2);
};

const COLUMNS: readonly Column<CallAlertRow>[] = [
  { title: 'RAISED', value: (a) => timeText(a.created_at) },
  { title: 'KIND', value: (a) => a.kind },
  { title: 'PARTICIPANT', value: (a) => a.participant },
  { title: 'POLICY', value: (a) => a.endpoint_id },
  { title: 'LEVEL', value: (a) => valueText(a, a.level), right: true },
  { title: 'VALUE', value: (a) => valueText(a, a.value), right: true },
  { title: 'LAST', value: (a) => valueText(a, a.last_value), right: true },
  { title: 'RESOLVED', value: (a) => (a.resolved_at === null ? 'open' : timeText(a.resolved_at)) },
  {
    title: 'AFTER',
    value: (a) => durationText(a.resolved_at === null ? null : (a.resolved_at - a.created_at) / 1000),
    right: true,
  },
  { title: 'REASON', value: (a) => a.resolution_reason ?? '' },
  { title: 'ID', value: (a) => shortId(a.id) },
];
