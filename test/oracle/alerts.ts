/**
 * The oracle's view of the alert topic: which events one bucket's observations make. Shares no code with the program.
 */
import { consumed, exhaustion, minutesBetween, recovery, textOf, utilization, uuid5 } from './arithmetic.ts';
import type { OracleObservation, OracleRow } from './arithmetic.ts';

export interface OracleRules {
  readonly warning: number;
  readonly critical: number;
  /** Points above a threshold to reach before leaving it. */
  readonly margin: number;
  readonly forObservations: number;
}

/** An event as its JSON travels. */
export type WireEvent = OracleRow;

type Rank = 0 | 1 | 2;
const NAMES = ['OK', 'WARNING', 'CRITICAL'] as const;

const limitOf = (rank: Rank, rules: OracleRules): number => (rank === 2 ? rules.critical : rules.warning);

/** Whether more than `percent` of the capacity is left: available/capacity > percent/100. */
const above = (one: OracleObservation, percent: number): boolean => one.availableTokens * 100 > percent * one.capacity;

/** The level that one observation asks for, given the level now. */
function wanted(one: OracleObservation, now: Rank, rules: OracleRules): Rank {
  const bare: Rank = !above(one, rules.critical) ? 2 : !above(one, rules.warning) ? 1 : 0;
  if (bare >= now) return bare;
  // Better: as far as the margin over every threshold on the way allows.
  let level: Rank = now;
  while (level > bare && above(one, limitOf(level, rules) + rules.margin)) level = (level - 1) as Rank;
  return level;
}

interface Open {
  readonly id: string;
  readonly rank: Rank;
  readonly since: number;
}

/** Events of one bucket; `seen` are its observations, each newer than the one before. */
export function alertsOf(seen: readonly OracleObservation[], rules: OracleRules): WireEvent[] {
  const events: WireEvent[] = [];
  let level: Rank = 0;
  let entered = 0;
  let open: Open | null = null;
  for (const [i, one] of seen.entries()) {
    const before = seen.slice(0, i).filter(({ type }) => type !== 'PolicyRetired');
    const last = before.at(-1) ?? null;
    if (one.type === 'PolicyRetired') {
      if (open !== null && last !== null) events.push(retired(one, last, open, rules));
      [open, level, entered] = [null, 0, i + 1];
      continue;
    }
    const base = (causes: readonly OracleObservation[]): OracleRow => common(one, last, causes, rules);
    const category = lastCategory(before);
    if (category !== null && one.category !== null && category !== one.category) {
      events.push(categoryChanged(one, category, base([one])));
    }
    const recent = seen.slice(entered, i + 1).slice(-rules.forObservations);
    const next = decide(recent, level, rules);
    if (next === level) continue;
    if (open !== null) events.push(resolved(one, open, next, base(recent)));
    open = next === 0 ? null : { id: alertId(one, next), rank: next, since: one.responseTime };
    if (open !== null) events.push(raised(one, open, level, base(recent), rules));
    level = next;
    entered = i + 1;
  }
  return events;
}

/** The level after the last `forObservations` observations: what all of them support, or no change. */
function decide(recent: readonly OracleObservation[], now: Rank, rules: OracleRules): Rank {
  if (recent.length < rules.forObservations) return now;
  const asked = recent.map((one) => wanted(one, now, rules));
  if (asked.every((rank) => rank > now)) return Math.min(...asked) as Rank;
  if (asked.every((rank) => rank < now)) return Math.max(...asked) as Rank;
  return now;
}

function lastCategory(seen: readonly OracleObservation[]): string | null {
  return seen.map((one) => one.category).findLast((category) => category !== null) ?? null;
}

const alertId = (one: OracleObservation, rank: Rank): string =>
  uuid5('alert', one.participant, NAMES[rank], one.responseTime, one.policy);

const iso = (at: number): string => new Date(at).toISOString();

function common(
  one: OracleObservation,
  before: OracleObservation | null,
  causes: readonly OracleObservation[],
  rules: OracleRules,
): OracleRow {
  return {
    timestamp: iso(one.responseTime),
    participant: one.participant,
    endpoint_id: one.policy,
    available_tokens: one.availableTokens,
    capacity: one.capacity,
    utilization_percent: utilization(one),
    ...(before === null
      ? {}
      : { consumption_rate_low_per_minute: consumed(before, one).low / minutesBetween(before, one) }),
    recovery_eta_seconds: recovery(one),
    exhaustion_projection_seconds: exhaustion(before, one),
    psp_category: one.category,
    caused_by: causes.map((cause) => ({
      event_id: uuid5('observation', cause.participant, cause.responseTime, cause.policy),
      response_time: iso(cause.responseTime),
      available_tokens: cause.availableTokens,
      capacity: cause.capacity,
    })),
    rule_version: `w${rules.warning}-c${rules.critical}-m${rules.margin}-n${rules.forObservations}`,
  };
}

const left = (one: OracleObservation): string => {
  const percent = ((one.availableTokens / one.capacity) * 100).toFixed(1);
  return `${one.availableTokens} of ${one.capacity} tokens left (${percent}%)`;
};

function raised(one: OracleObservation, open: Open, from: Rank, base: OracleRow, rules: OracleRules): WireEvent {
  const name = NAMES[open.rank];
  const limit = limitOf(open.rank, rules);
  return {
    ...base,
    event_type: 'AlertRaised',
    event_id: uuid5('alert-event', 'AlertRaised', open.id),
    alert_id: open.id,
    severity: name,
    threshold_percent: limit,
    reason: from === 0 ? 'THRESHOLD' : open.rank > from ? 'ESCALATED' : 'DEESCALATED',
    message: `${name}: ${one.policy} of ${one.participant} at or below ${limit}%: ${left(one)}`,
  };
}

function resolved(one: OracleObservation, open: Open, to: Rank, base: OracleRow): WireEvent {
  const name = NAMES[open.rank];
  const how = to === 0 ? 'recovered' : to === 2 ? 'escalated to CRITICAL' : 'eased to WARNING';
  const rules = textOf(base['rule_version']);
  const limit = Number(rules.split('-')[open.rank === 2 ? 1 : 0]?.slice(1));
  return {
    ...base,
    event_type: 'AlertResolved',
    event_id: uuid5('alert-event', 'AlertResolved', open.id),
    alert_id: open.id,
    severity: name,
    threshold_percent: limit,
    raised_at: iso(open.since),
    reason: to === 0 ? 'RECOVERED' : to === 2 ? 'ESCALATED' : 'DEESCALATED',
    message: `${name} of ${one.policy} of ${one.participant} ${how}: ${left(one)}`,
  };
}

/** With what was last seen. */
function retired(
  { responseTime }: OracleObservation,
  last: OracleObservation,
  open: Open,
  rules: OracleRules,
): WireEvent {
  const message = `${NAMES[open.rank]} of ${last.policy} of ${last.participant} ended: the policy is not listed any more; last seen: ${left(last)}`;
  const base = { ...common(last, null, [last], rules), timestamp: iso(responseTime) };
  return { ...resolved(last, open, 0, base), reason: 'RETIRED', message };
}

function categoryChanged(one: OracleObservation, from: string, base: OracleRow): WireEvent {
  return {
    ...base,
    event_type: 'CategoryChanged',
    event_id: uuid5('category-changed', one.participant, one.responseTime, one.category ?? '', one.policy),
    previous_category: from,
    message: `Category of ${one.participant} changed from ${from} to ${one.category ?? ''}; ${one.policy} now: ${left(one)}`,
  };
}
