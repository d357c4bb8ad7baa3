/** The explanation of an alert as text and as JSON. */
import type { Explanation } from '../../analysis/explain.ts';
import type { HistoryPoint } from '../../views/history.ts';
import { rulesInWords, rulesOf } from '../../analysis/rules.ts';
import { DEFAULT_RULES } from '../../domain/thresholds.ts';
import { table } from './table.ts';
import { durationText, iso, numberText, numbered, percentText, timeText } from '../../format.ts';
import type { Column } from './table.ts';
import type { Recovery } from '../../domain/estimate/recovery.ts';
import type { AlertRow } from '../../views/alerts.ts';
import type { ForecastRow } from '../../views/forecasts.ts';
import { alertJson } from './alerts.ts';
import { forecastJson, forecastRange } from './forecasts.ts';
import { attributionJson, attributionText } from './attribution.ts';
import { consumptionText, pointColumns } from './history.ts';
import { recoveryJson, spanText } from './recovery.ts';
import { sparkline, SPARKLINE_WIDTH } from './sparkline.ts';
import { whyInWords, whyJson } from './why.ts';

const secondsBetween = (from: number, to: number): number => (to - from) / 1000;

/** The alert that took this one's place, and the one whose place it took. */
function neighbours({ alert, chain }: Explanation): {
  previous: AlertRow | null;
  next: AlertRow | null;
} {
  const at = chain.findIndex(({ id }) => id === alert.id);
  return { previous: chain[at - 1] ?? null, next: chain[at + 1] ?? null };
}

const pointJson = (point: HistoryPoint) => ({ ...point, response_time: iso(point.response_time) });

export function explanationJson(explanation: Explanation) {
  const { alert, chain, before, causes, recovery, followed, forecasts, zeroAt } = explanation;
  const { previous, next } = neighbours(explanation);
  const rules = rulesOf(alert.rule_version);
  return {
    alert: alertJson(alert),
    rules: rules === null ? null : rulesJson(rules),
    why: whyJson(explanation),
    attribution: explanation.attribution === null ? null : attributionJson(explanation.attribution),
    before: before.map(pointJson),
    causes: causes.map(pointJson),
    recovery: recovery === null ? null : recoveryJson(recovery),
    followed:
      followed === null
        ? null
        : {
            observations: followed.observations,
            until: iso(followed.until),
            lowest: pointJson(followed.lowest),
          },
    forecasts: forecasts.map(forecastJson),
    reached_zero_at: iso(zeroAt),
    lead_seconds: zeroAt === null ? null : secondsBetween(alert.created_at, zeroAt),
    lasted_seconds: alert.resolved_at === null ? null : secondsBetween(alert.created_at, alert.resolved_at),
    previous_alert_id: previous?.id ?? null,
    next_alert_id: next?.id ?? null,
    chain: chain.map(alertJson),
  };
}

const rulesJson = (rules: NonNullable<ReturnType<typeof rulesOf>>) => ({
  warning_percent: rules.warningPercent,
  critical_percent: rules.criticalPercent,
  resolve_margin: rules.resolveMargin,
  for_observations: rules.forObservations,
});

export function explanationText(explanation: Explanation): string[] {
  const { alert, before, causes } = explanation;
  const rules = rulesOf(alert.rule_version);
  const columns = pointColumns(rules ?? DEFAULT_RULES);
  return [
    alert.message,
    '',
    ...facts(explanation),
    '',
    'Why',
    ...whyInWords(explanation).map((sentence) => `  ${sentence}`),
    '',
    'Decided by',
    ...causesText(explanation),
    '',
    ...(before.length === 0 && causes.length === 0
      ? ['History of that time was dropped by retention: what is above is what the alert itself keeps.']
      : ['What came before', ...table(columns, [...before, ...causes], INDENTED)]),
    ...(explanation.attribution === null ? [] : attributionText(explanation.attribution)),
    ...forecastsText(explanation),
    ...followedText(explanation),
    ...chainText(explanation),
  ];
}

const INDENTED = { indent: '  ' };

/** Names and values, aligned. */
function facts(explanation: Explanation): string[] {
  const { alert, causes, recovery } = explanation;
  const decisive = causes.at(-1);
  const blind = decisive?.blind_seconds ?? null;
  const rows: [string, string][] = [
    ['alert', alert.id],
    ['raised', `${timeText(alert.created_at)}, ${alert.reason}`],
    ['resolved', resolvedText(alert)],
    ['rules', rulesText(alert.rule_version)],
    ['bucket', bucketText(alert)],
    ['consumption', consumedText(alert, decisive)],
    ...recoveryRows(alert, recovery),
    ['empty in', emptyText(alert.exhaustion_projection_seconds)],
    ...(blind === null ? [] : [blindRow(blind)]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)} ${value}`);
}

/** Without traffic: for want of the observation the time to full of a refill that drips. */
function recoveryRows(alert: AlertRow, recovery: Recovery | null): [string, string][] {
  if (recovery === null) return [['full in', durationText(alert.recovery_eta_seconds)]];
  const { usable, cleared, full } = recovery;
  return [
    ...(alert.available_tokens > 0 ? [] : [['usable in', spanText(usable)] satisfies [string, string]]),
    ['clear in', spanText(cleared)],
    ['full in', spanText(full)],
  ];
}

const blindRow = (seconds: number): [string, string] => [
  'unseen',
  `${durationText(seconds)} since the observation before`,
];

const resolvedText = ({ resolved_at: at, created_at: from, resolution_reason: reason }: AlertRow): string =>
  at === null
    ? 'not yet: the alert is open'
    : `${timeText(at)}, ${reason ?? ''}, after ${durationText(secondsBetween(from, at))}`;

function rulesText(version: string): string {
  const rules = rulesOf(version);
  return rules === null ? version : `${rulesInWords(rules)} (${version})`;
}

const bucketText = (alert: AlertRow): string =>
  `${numberText(alert.available_tokens)} of ${numberText(alert.capacity)} tokens (${percentText(100 - alert.utilization_percent)}), category ${alert.psp_category ?? 'unknown'}`;

function consumedText(alert: AlertRow, decisive: HistoryPoint | undefined): string {
  const { consumption_rate_per_minute: rate, consumption_rate_low_per_minute: low } = alert;
  if (low === null) return 'unknown: nothing to compare with';
  const since = decisive === undefined ? '' : `; ${consumptionText(decisive)} tokens since the one before`;
  const proved = `at least ${low.toFixed(1)}`;
  const pace = rate === null ? proved : rate === low ? low.toFixed(1) : `about ${rate.toFixed(1)}, ${proved}`;
  return `${pace} tokens a minute${since}`;
}

function emptyText(seconds: number | null): string {
  if (seconds === null) return 'unknown, or not draining';
  return seconds === 0 ? 'empty already' : durationText(seconds);
}

function causesText({ alert }: Explanation): string[] {
  const columns: Column<(typeof alert.caused_by)[number]>[] = [
    { title: 'TIME', value: (c) => timeText(Date.parse(c.response_time)) },
    { title: 'TOKENS', value: (c) => numberText(c.available_tokens), right: true },
    { title: 'CAPACITY', value: (c) => numberText(c.capacity), right: true },
    { title: 'LEFT', value: (c) => percentText((c.available_tokens * 100) / c.capacity), right: true },
    { title: 'OBSERVATION', value: (c) => c.event_id },
  ];
  return table(columns, alert.caused_by, INDENTED);
}

/** What was forecast, before the alert and while it was open, and what became of it. */
function forecastsText({ alert, forecasts }: Explanation): string[] {
  if (forecasts.length === 0) return [];
  return ['', 'What was forecast', ...forecasts.map((forecast) => `  ${forecastText(alert, forecast)}`)];
}

function forecastText(alert: AlertRow, forecast: ForecastRow): string {
  const early = secondsBetween(forecast.created_at, alert.created_at);
  const when =
    early === 0
      ? 'with the alert'
      : early > 0
        ? `${durationText(early)} before the alert`
        : `${durationText(-early)} after it`;
  const { created_at: madeAt, demand_per_minute: demand, draining_since: since, zero_at: zeroAt } = forecast;
  const became =
    zeroAt !== null
      ? `empty after ${durationText(Math.round(secondsBetween(madeAt, zeroAt)))}`
      : forecast.resolved
        ? 'did not come true'
        : 'open';
  return `${timeText(forecast.created_at)} (${when}): empty in ${forecastRange(forecast)}, at ${numberText(Math.round(demand))} tokens a minute since ${timeText(since)}: ${became}`;
}

function followedText({ alert, followed, zeroAt, profile }: Explanation): string[] {
  if (followed === null) return [];
  const { lowest } = followed;
  const points = profile === null ? [] : squeeze(profile.points, SPARKLINE_WIDTH);
  return [
    '',
    'What followed',
    `  ${numbered(followed.observations, 'observation')} until ${timeText(followed.until)}${alert.resolved_at === null ? ', the newest' : ''}`,
    `  lowest ${numberText(lowest.available_tokens)} tokens (${percentText(lowest.remaining_percent)}) at ${timeText(lowest.response_time)}`,
    `  ${zeroText(alert, zeroAt)}`,
    `  tokens left ${sparkline(points)}`,
  ];
}

function zeroText(alert: AlertRow, zeroAt: number | null): string {
  if (zeroAt === null) return 'the bucket was never seen at zero';
  const lead = secondsBetween(alert.created_at, zeroAt);
  const when = lead === 0 ? 'when the alert was raised' : `${durationText(lead)} after the alert`;
  const later = alert.resolved_at !== null && zeroAt >= alert.resolved_at ? ', under a later alert of the chain' : '';
  return `at zero or below at ${timeText(zeroAt)}: ${when}${later}`;
}

/** Slices joined to at most `width`, the emptiest of each kept; few points go side by side. */
function squeeze<P extends { slice: number; available_tokens: number; capacity: number }>(
  points: readonly P[],
  width: number,
): P[] {
  if (points.length <= width) return points.map((point, slice) => ({ ...point, slice }));
  const slices = Math.max(...points.map(({ slice }) => slice)) + 1;
  const kept = new Map<number, P>();
  for (const point of points) {
    const slice = Math.floor((point.slice * width) / slices);
    const share = point.available_tokens / point.capacity;
    const other = kept.get(slice);
    if (other === undefined || share < other.available_tokens / other.capacity) {
      kept.set(slice, { ...point, slice });
    }
  }
  return [...kept.values()];
}

const MAX_SHOWN = 20;

function chainText({ alert, chain }: Explanation): string[] {
  if (chain.length < 2) return [];
  const at = chain.findIndex(({ id }) => id === alert.id);
  const start = Math.max(0, Math.min(at - MAX_SHOWN / 2, chain.length - MAX_SHOWN));
  const shown = chain.slice(start, start + MAX_SHOWN);
  const columns: Column<AlertRow>[] = [
    { title: '', value: ({ id }) => (id === alert.id ? '>' : ' ') },
    { title: 'RAISED', value: (a) => timeText(a.created_at) },
    { title: 'SEVERITY', value: (a) => a.severity },
    { title: 'REASON', value: (a) => a.reason },
    { title: 'RESOLVED', value: (a) => (a.resolved_at === null ? 'open' : timeText(a.resolved_at)) },
    { title: 'ALERT', value: (a) => a.id },
  ];
  const rest = chain.length > shown.length ? ` (${shown.length} of ${chain.length})` : '';
  return ['', `Incident${rest}`, ...table(columns, shown, INDENTED)];
}
