/**
 * What the tables and the alert topic must hold, straight from the observations: slow, whole-list arithmetic that
 * shares no code with the program. Formulas are those of SPEC.md, written down a second time.
 */
import { alertsOf } from './alerts.ts';
import { enriched, newest, textOf } from './arithmetic.ts';
import type { Cell, OracleObservation, OracleRow } from './arithmetic.ts';
import type { OracleRules, WireEvent } from './alerts.ts';

export type { Cell, OracleObservation, OracleRow } from './arithmetic.ts';
export type { OracleRules } from './alerts.ts';

export interface Expected {
  readonly history: readonly OracleRow[];
  readonly latest: readonly OracleRow[];
  readonly policies: readonly OracleRow[];
  readonly alerts: readonly OracleRow[];
  readonly categoryChanges: readonly OracleRow[];
  /** Events of the alert topic as JSON, in order, by key. */
  readonly topic: Readonly<Record<string, readonly WireEvent[]>>;
}

const ORACLE_RULES: OracleRules = { warning: 20, critical: 10, margin: 0, forObservations: 1 };

export function oracle(log: readonly OracleObservation[], rules: OracleRules = ORACLE_RULES): Expected {
  const keys = [...new Set(log.map(keyOf))].sort();
  const buckets = keys.map((key) => log.filter((observation) => keyOf(observation) === key));
  const events = buckets.map((log) => alertsOf(inOrder(log), rules));
  const observed = buckets.filter((log) => inOrder(log).some(isObservation));
  return {
    history: observed.flatMap(historyRows),
    latest: observed.filter((log) => inOrder(log).at(-1)?.type !== RETIRED).map(latestRow),
    policies: observed.map(policyRow),
    alerts: events.flatMap(alertRows),
    categoryChanges: events.flatMap(categoryRows),
    topic: Object.fromEntries(
      keys.map((key, i) => [key, events[i] ?? []] as const).filter(([, list]) => list.length > 0),
    ),
  };
}

const keyOf = ({ participant, policy }: OracleObservation): string => `${participant}:${policy}`;

const RETIRED = 'PolicyRetired';
const isObservation = ({ type }: OracleObservation): boolean => type !== RETIRED;

/** Those that were newer than everything before them in the log; of what was never observed nothing can be retired. */
function inOrder(observations: readonly OracleObservation[]): OracleObservation[] {
  const taken: OracleObservation[] = [];
  for (const one of observations) {
    const last = taken.at(-1);
    if (last === undefined && !isObservation(one)) continue;
    if (last !== undefined && one.responseTime <= last.responseTime) continue;
    // What is retired is not retired again.
    if (last === undefined || isObservation(one) || isObservation(last)) taken.push(one);
  }
  return taken;
}

/** One row per response time: the first in the log. Late ones have no predecessor to be compared with. */
function historyRows(log: readonly OracleObservation[]): OracleRow[] {
  const observations = log.slice(log.findIndex(isObservation));
  const counted = new Set(inOrder(observations).filter(isObservation));
  const isFirst = ({ responseTime }: OracleObservation, i: number): boolean =>
    observations.findIndex((other) => isObservation(other) && other.responseTime === responseTime) === i;
  return observations.flatMap((observation, i) => {
    if (!isObservation(observation) || !isFirst(observation, i)) return [];
    const isLate = !counted.has(observation);
    // Those that count: the others were late themselves.
    const before = observations.slice(0, i).filter((one) => counted.has(one));
    return [enriched(observation, isLate || before.length === 0 ? null : newest(before))];
  });
}

function latestRow(observations: readonly OracleObservation[]): OracleRow {
  const { responseTime } = newest(inOrder(observations).filter(isObservation));
  const row = historyRows(observations).find((candidate) => candidate['response_time'] === responseTime);
  if (row === undefined) throw new Error('a bucket without history');
  return row;
}

const PARAMETERS = ['capacity', 'refillTokens', 'refillPeriodSec', 'category'] as const;

function policyRow(observations: readonly OracleObservation[]): OracleRow {
  const seen = inOrder(observations).filter(isObservation);
  const changes = seen.filter((observation, i) => {
    const before = seen[i - 1];
    return before === undefined || PARAMETERS.some((name) => before[name] !== observation[name]);
  });
  const [first, last] = [seen[0], changes.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a bucket without observations');
  return {
    participant: last.participant,
    endpoint_id: last.policy,
    capacity: last.capacity,
    refill_tokens: last.refillTokens,
    refill_period_sec: last.refillPeriodSec,
    psp_category: last.category,
    created_at: first.responseTime,
    updated_at: last.responseTime,
  };
}

function alertRows(events: readonly WireEvent[]): OracleRow[] {
  const end = (id: Cell | undefined): WireEvent | undefined =>
    events.find((event) => event['event_type'] === 'AlertResolved' && event['alert_id'] === id);
  return events
    .filter((event) => event['event_type'] === 'AlertRaised')
    .map((raised) => alertRow(raised, end(raised['alert_id'])));
}

function alertRow(raised: WireEvent, resolved: WireEvent | undefined): OracleRow {
  const copied = [
    ...['participant', 'endpoint_id', 'severity', 'threshold_percent', 'available_tokens', 'capacity'],
    ...['utilization_percent', 'consumption_rate_low_per_minute', 'recovery_eta_seconds'],
    ...['exhaustion_projection_seconds', 'psp_category', 'message', 'reason', 'rule_version'],
  ];
  return {
    ...Object.fromEntries(copied.map((name) => [name, raised[name] ?? null])),
    id: raised['alert_id'] ?? null,
    caused_by: raised['caused_by'] as Cell,
    created_at: Date.parse(textOf(raised['timestamp'])),
    resolved: resolved !== undefined,
    resolved_at: resolved === undefined ? null : Date.parse(textOf(resolved['timestamp'])),
    resolution_reason: resolved?.['reason'] ?? null,
    resolution_notes: resolved?.['message'] ?? null,
  };
}

function categoryRows(events: readonly WireEvent[]): OracleRow[] {
  return events
    .filter((event) => event['event_type'] === 'CategoryChanged')
    .map((event) => ({
      id: event['event_id'] ?? null,
      participant: event['participant'] ?? null,
      endpoint_id: event['endpoint_id'] ?? null,
      previous_category: event['previous_category'] ?? null,
      psp_category: event['psp_category'] ?? null,
      available_tokens: event['available_tokens'] ?? null,
      capacity: event['capacity'] ?? null,
      changed_at: Date.parse(textOf(event['timestamp'])),
    }));
}
