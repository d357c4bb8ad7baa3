/**
 * What a list of alerts means for whoever is woken by it. Pure.
 *
 * An alert ends whenever its bucket changes level, so one bad hour may be three of them: WARNING, CRITICAL, WARNING. An
 * incident is such a chain: alerts of one bucket, each raised at the instant the one before it was resolved.
 */
import type { EpochMs } from '../domain/events.ts';
import type { Alert } from './alerts.ts';

/** A bucket that gets worse so soon after it got better was not better. */
export const FLAP_MS = 15 * 60_000;

export interface JudgedAlert extends Alert {
  /** The first alert of its incident. */
  readonly startsIncident: boolean;
  /** When the bucket was first at or below zero from this alert on, within its incident; `null` if it never was. */
  readonly zeroAt: EpochMs | null;
  /** From the alert to `zeroAt`; negative when the bucket was empty before the alert was raised. */
  readonly leadSeconds: number | null;
  /** Raised because the bucket got worse, within {@link FLAP_MS} of an alert's end because it got better. */
  readonly flap: boolean;
}

/** Where a bucket was at or below zero, as its observations say. Feed them in order of time. */
export class ZeroSpans {
  readonly #spans: { readonly first: EpochMs; last: EpochMs }[] = [];
  #inside = false;

  observe(at: EpochMs, availableTokens: number): void {
    const current = this.#spans.at(-1);
    if (availableTokens > 0) this.#inside = false;
    else if (this.#inside && current !== undefined) current.last = at;
    else {
      this.#spans.push({ first: at, last: at });
      this.#inside = true;
    }
  }

  /** When the first spell at or below zero that lasts until `at` or begins later began; `null` if there is none. */
  from(at: EpochMs): EpochMs | null {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#spans[middle]?.last ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return this.#spans[low]?.first ?? null;
  }
}

/** `alerts` are those of one bucket, oldest first. */
export function judge(alerts: readonly Alert[], zero: Pick<ZeroSpans, 'from'>): JudgedAlert[] {
  const ends = incidentEnds(alerts);
  let betterAt = -Infinity;
  return alerts.map((alert, i) => {
    const end = ends[i] ?? null;
    const next = zero.from(alert.raisedAt);
    const zeroAt = next !== null && (end === null || next < end) ? next : null;
    const worse = alert.raiseReason !== 'DEESCALATED';
    const flap = worse && alert.raisedAt - betterAt <= FLAP_MS;
    if (alert.resolvedAt !== null && alert.resolveReason !== 'ESCALATED') betterAt = alert.resolvedAt;
    return {
      ...alert,
      startsIncident: i === 0 || alerts[i - 1]?.resolvedAt !== alert.raisedAt,
      zeroAt,
      leadSeconds: zeroAt === null ? null : (zeroAt - alert.raisedAt) / 1000,
      flap,
    };
  });
}

/** When the incident of each alert ended, `null` while it lasts. */
function incidentEnds(alerts: readonly Alert[]): (EpochMs | null)[] {
  const ends: (EpochMs | null)[] = [];
  for (let i = alerts.length - 1; i >= 0; i -= 1) {
    const resolvedAt = alerts[i]?.resolvedAt ?? null;
    const goesOn = resolvedAt !== null && alerts[i + 1]?.raisedAt === resolvedAt;
    ends[i] = goesOn ? (ends[i + 1] ?? null) : resolvedAt;
  }
  return ends;
}

/** Incidents as if each were one alert, from its first alert to its end, of no severity of its own. */
export function incidentsOf(alerts: readonly JudgedAlert[]): JudgedAlert[] {
  const incidents: JudgedAlert[] = [];
  for (const alert of alerts) {
    const first = alert.startsIncident ? alert : (incidents.pop() ?? alert);
    const { resolvedAt, resolveReason } = alert;
    incidents.push({ ...first, severity: 'WARNING', resolvedAt, resolveReason });
  }
  return incidents;
}
