/** Counts over alerts and their comparison. Pure. */
import { incidentsOf } from './incidents.ts';
import type { JudgedAlert } from './incidents.ts';
import type { Matched, Pair } from './match.ts';

/** One list of alerts in numbers. Times in seconds. */
export interface SideFigures {
  readonly alerts: number;
  readonly warning: number;
  readonly critical: number;
  readonly open: number;
  readonly incidents: number;
  readonly flaps: number;
  /** Incidents in which the bucket was at or below zero. */
  readonly reached_zero: number;
  /** From an incident's first alert to zero; `null` when none reached it. */
  readonly lead_median_seconds: number | null;
  readonly lead_min_seconds: number | null;
}

/** @param incidents those of the alerts, each as one alert: its first may have been raised before `alerts` begin */
export function sideFigures(
  alerts: readonly JudgedAlert[],
  incidents: readonly JudgedAlert[] = incidentsOf(alerts),
): SideFigures {
  const count = (holds: (alert: JudgedAlert) => boolean): number => alerts.filter(holds).length;
  const leads = incidents
    .flatMap(({ leadSeconds }) => (leadSeconds === null ? [] : [leadSeconds]))
    .sort((a, b) => a - b);
  return {
    alerts: alerts.length,
    warning: count((alert) => alert.severity === 'WARNING'),
    critical: count((alert) => alert.severity === 'CRITICAL'),
    open: count((alert) => alert.resolvedAt === null),
    incidents: incidents.length,
    flaps: count((alert) => alert.flap),
    reached_zero: leads.length,
    lead_median_seconds: median(leads),
    lead_min_seconds: leads[0] ?? null,
  };
}

/** Of ascending numbers; `null` of none. */
export function median(sorted: readonly number[]): number | null {
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

/** How many alerts differ, and how. A pair may be both earlier and longer. */
export interface ChangeCounts {
  readonly added: number;
  readonly gone: number;
  readonly earlier: number;
  readonly later: number;
  readonly longer: number;
  readonly shorter: number;
  readonly unchanged: number;
}

export function changeCounts({ added, gone, pairs }: Matched): ChangeCounts {
  const of = (change: Pair['changes'][number]): number =>
    pairs.filter(({ changes }) => changes.includes(change)).length;
  return {
    added: added.length,
    gone: gone.length,
    earlier: of('earlier'),
    later: of('later'),
    longer: of('longer'),
    shorter: of('shorter'),
    unchanged: pairs.filter(({ changes }) => changes.length === 0).length,
  };
}
