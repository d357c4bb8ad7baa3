/** Alerts with the reason for each: open ones first, then the newest. */
import { useState } from 'preact/hooks';
import type { AlertSummary } from '../../api/answers.ts';
import { alertAddress } from '../addresses.ts';
import { useReading } from './context.ts';
import { Level } from './Level.tsx';
import { PolicyName } from './PolicyName.tsx';
import { Time } from './Time.tsx';

/** So many at first. */
const SHOWN = 8;

interface AlertsProps {
  readonly alerts: readonly AlertSummary[];
  /** Milliseconds. */
  readonly now: number;
}

export function Alerts({ alerts, now }: AlertsProps) {
  const { t, words } = useReading();
  const [showsAll, setShowsAll] = useState(false);
  if (alerts.length === 0) return <p class="quiet">{t.noAlert}</p>;
  const ordered = [...alerts].sort((a, b) => Number(a.resolved_at !== null) - Number(b.resolved_at !== null));
  const shown = showsAll ? ordered : ordered.slice(0, SHOWN);
  return (
    <>
      <ul class="events">
        {shown.map((alert) => (
          <AlertItem key={alert.id} alert={alert} now={now} />
        ))}
      </ul>
      {shown.length < ordered.length && (
        <button type="button" class="with-script" onClick={() => setShowsAll(true)}>
          {t.showAllAlerts(words.number(ordered.length))}
        </button>
      )}
    </>
  );
}

function AlertItem({ alert, now }: { readonly alert: AlertSummary; readonly now: number }) {
  const { t } = useReading();
  const isOpen = alert.resolved_at === null;
  return (
    <li class={isOpen ? `open open-${alert.severity}` : ''}>
      <p>
        <Level level={alert.severity} />{' '}
        <a href={alertAddress(alert.id)}>
          <PolicyName name={alert.endpoint_id} />
        </a>{' '}
        <span class="quiet">{alert.participant}</span>
      </p>
      <p>{useSentence(alert)}</p>
      <p class="quiet">
        <Time at={alert.created_at} near={now} /> · {useEnd(alert)}
        {isOpen && alert.reason !== null && `: ${t.reasons[alert.reason] ?? alert.reason}`}
      </p>
    </li>
  );
}

/** What the alert says, in the reader's language. */
export function useSentence(alert: AlertSummary): string {
  const { t, words } = useReading();
  const { available_tokens: tokens, capacity } = alert;
  return t.alertSentence(
    words.number(tokens),
    words.number(capacity),
    words.percent((tokens * 100) / capacity),
    words.percent(alert.threshold_percent),
  );
}

function useEnd({ created_at, resolved_at, resolution_reason }: AlertSummary): string {
  const { t, words } = useReading();
  if (resolved_at === null) return t.open;
  const why = resolution_reason === null ? '' : `: ${t.reasons[resolution_reason] ?? resolution_reason}`;
  return t.resolvedAfter(words.duration((Date.parse(resolved_at) - Date.parse(created_at)) / 1000), why);
}
