/** Alerts, page by page, and one of them as a whole. */
import { explainAlert } from '../analysis/explain.ts';
import type { Explanation } from '../analysis/explain.ts';
import type { EpochMs } from '../domain/events.ts';
import { instant } from '../domain/texts.ts';
import { HOUR_MS } from '../domain/time.ts';
import { UsageError } from '../errors.ts';
import { iso } from '../format.ts';
import { pickBuckets } from '../operate/buckets.ts';
import type { Sql } from '../store/database.ts';
import { alertsBetween } from '../views/alerts.ts';
import type { AlertFilter, AlertPlace, AlertRow } from '../views/alerts.ts';
import { LONGEST_MS, seriesOf } from '../views/series.ts';
import type { AlertAnswer, AlertsAnswer } from './answers.ts';
import { columnsOf, found } from './bucket.ts';
import type { Forms } from './forms.ts';
import { NotFoundError } from './problem.ts';
import { alertSummary, forecastSummary } from './summaries.ts';

export interface AlertsAsked extends AlertFilter {
  /** Only those behind it, in order of the answer. */
  readonly before: AlertPlace | null;
  readonly limit: number;
}

/** @throws {NotFoundError} none fits, and there never was such a participant or policy */
export async function alertsOf(sql: Sql, { before, limit, ...filter }: AlertsAsked): Promise<AlertsAnswer> {
  const rows = await alertsBetween(sql, filter, limit + 1, before);
  const { participant, policy } = filter;
  if (rows.length === 0 && (participant !== null || policy !== null))
    await found(
      async () => await pickBuckets(sql, { participant: participant ?? undefined, policy: policy ?? undefined }),
    );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    alerts: shown.map((row) => alertSummary(row)),
    next: rows.length <= limit || last === undefined ? null : placeText(last),
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const placeText = ({ created_at: at, id }: AlertRow): string => `${iso(at)}_${id}`;

/** @throws {UsageError} it is none that an answer gave */
export function placeOf(text: string): AlertPlace {
  const [time = '', id = ''] = text.split('_');
  const createdAt = instant(time);
  if (createdAt === null || !UUID.test(id)) throw new UsageError('before takes what an answer had in next, as it is');
  return { createdAt, id };
}

/** So much of the time around an alert is shown. Milliseconds. */
const BESIDE_MS = HOUR_MS;

/** @throws {NotFoundError} there is no such alert */
export async function alertOf(sql: Sql, id: string, forms: Pick<Forms, 'explanation'>): Promise<AlertAnswer> {
  const explanation = UUID.test(id) ? await explainAlert(sql, id) : null;
  if (explanation === null) throw new NotFoundError(`there is no alert ${id.slice(0, 40)}`);
  const { alert, forecasts } = explanation;
  const { resolution, points } = await seriesOf(sql, {
    participant: alert.participant,
    policy: alert.endpoint_id,
    ...around(explanation),
  });
  return {
    alert: alertSummary(alert),
    explanation: forms.explanation(explanation),
    series: columnsOf(resolution, points),
    forecasts: forecasts.map((forecast) => forecastSummary(forecast)),
  };
}

/** The incident, with what came before it and after it. */
function around({ alert, chain, followed }: Explanation): { readonly from: EpochMs; readonly to: EpochMs } {
  const from = Math.min(alert.created_at, ...chain.slice(0, 1).map((first) => first.created_at)) - BESIDE_MS;
  const last = chain.at(-1) ?? alert;
  const to = (last.resolved_at ?? followed?.until ?? alert.created_at) + BESIDE_MS;
  return { from, to: Math.min(to, from + LONGEST_MS) };
}
