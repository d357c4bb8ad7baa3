/**
 * The threshold machine: which alerts a bucket's observations open and close.
 *
 * At most one alert is open per bucket, every raised alert is resolved exactly once, and no cycle repeats an alert:
 * all three follow from the table below, where a transition resolves the level it leaves and raises the one it enters.
 */

import { isAtMost, percentText } from './percent.ts';

/** In order of severity. */
export const LEVELS = ['OK', 'WARNING', 'CRITICAL'] as const;
export type Level = (typeof LEVELS)[number];

export type RaiseReason = 'THRESHOLD' | 'ESCALATED' | 'DEESCALATED';
export type ResolveReason = 'ESCALATED' | 'DEESCALATED' | 'RECOVERED';

export interface ThresholdRules {
  /** WARNING at or below this share of the capacity left, percent. */
  readonly warningPercent: number;
  /** CRITICAL at or below this share of the capacity left, percent. */
  readonly criticalPercent: number;
  /** Hysteresis: percentage points above a threshold that a bucket must reach to leave its level. 0 is off. */
  readonly resolveMargin: number;
  /** Hysteresis: consecutive observations that must agree before the level changes. 1 is off. */
  readonly forObservations: number;
}

export const DEFAULT_RULES: ThresholdRules = {
  warningPercent: 20,
  criticalPercent: 10,
  resolveMargin: 0,
  forObservations: 1,
};

/** Names the rules that decided an alert, e.g. `w20-c10-m0-n1`. */
export function ruleVersion(rules: ThresholdRules): string {
  const [warning, critical, margin] = [rules.warningPercent, rules.criticalPercent, rules.resolveMargin].map(
    percentText,
  );
  return `w${warning}-c${critical}-m${margin}-n${rules.forObservations}`;
}

export interface Transition {
  /** Why the open alert ends; `null` when none is open or it stays. */
  readonly resolve: ResolveReason | null;
  /** Why an alert of the new level starts; `null` when none does. */
  readonly raise: RaiseReason | null;
}

const NOTHING: Transition = { resolve: null, raise: null };

/** `TRANSITIONS[from][to]`; the type makes the compiler refuse a missing pair. */
export const TRANSITIONS: Readonly<Record<Level, Readonly<Record<Level, Transition>>>> = {
  OK: {
    OK: NOTHING,
    WARNING: { resolve: null, raise: 'THRESHOLD' },
    CRITICAL: { resolve: null, raise: 'THRESHOLD' },
  },
  WARNING: {
    OK: { resolve: 'RECOVERED', raise: null },
    WARNING: NOTHING,
    CRITICAL: { resolve: 'ESCALATED', raise: 'ESCALATED' },
  },
  CRITICAL: {
    OK: { resolve: 'RECOVERED', raise: null },
    WARNING: { resolve: 'DEESCALATED', raise: 'DEESCALATED' },
    CRITICAL: NOTHING,
  },
};

const severity = (level: Level): number => LEVELS.indexOf(level);

/** Level by the bare thresholds, inclusive, exact at the edge. */
export function levelOf(availableTokens: number, capacity: number, rules: ThresholdRules, margin = 0): Level {
  if (isAtMost(availableTokens, capacity, rules.criticalPercent, margin)) return 'CRITICAL';
  if (isAtMost(availableTokens, capacity, rules.warningPercent, margin)) return 'WARNING';
  return 'OK';
}

/** Why these rules make no sense together, or `null`. */
export function rulesProblem({ warningPercent, criticalPercent, resolveMargin }: ThresholdRules): string | null {
  const [warning, critical, margin] = [warningPercent, criticalPercent, resolveMargin].map(percentText);
  if (criticalPercent >= warningPercent) return `CRITICAL (${critical} %) must be below WARNING (${warning} %)`;
  if (resolveMargin > 0 && isAtMost(1, 1, warningPercent, resolveMargin)) {
    return `the margin (${margin}) and WARNING (${warning} %) reach 100 %: no alert could ever resolve`;
  }
  return null;
}

/** Where one observation points, seen from `current`: leaving a level for a better one takes the margin. */
function target(current: Level, availableTokens: number, capacity: number, rules: ThresholdRules): Level {
  const bare = levelOf(availableTokens, capacity, rules);
  if (severity(bare) >= severity(current)) return bare;
  const held = levelOf(availableTokens, capacity, rules, rules.resolveMargin);
  return severity(held) > severity(current) ? current : held;
}

/** State of the machine. `streak` holds the latest observations that all point to the same side of `level`. */
export interface MachineState<C> {
  readonly level: Level;
  readonly streak: readonly { readonly level: Level; readonly cause: C }[];
}

export const INITIAL_MACHINE: MachineState<never> = { level: 'OK', streak: [] };

export interface MachineStep<C> {
  readonly state: MachineState<C>;
  readonly from: Level;
  readonly to: Level;
  readonly transition: Transition;
  /** The observations that decided the transition, oldest first; empty when nothing changed. */
  readonly causes: readonly C[];
}

/**
 * Feeds one observation to the machine.
 *
 * With `forObservations` = n, a level is entered when the last n observations all point past the current one, and the
 * one entered is the nearest of those they point to: what every one of them supports.
 */
export function advance<C>(
  state: MachineState<C>,
  observation: { readonly availableTokens: number; readonly capacity: number },
  cause: C,
  rules: ThresholdRules,
): MachineStep<C> {
  const from = state.level;
  const pointed = target(from, observation.availableTokens, observation.capacity, rules);
  const direction = Math.sign(severity(pointed) - severity(from));
  const stay = (streak: MachineState<C>['streak']): MachineStep<C> => ({
    state: streak.length === 0 && state.streak.length === 0 ? state : { level: from, streak },
    from,
    to: from,
    transition: NOTHING,
    causes: [],
  });
  if (direction === 0) return stay([]);

  const sameSide = state.streak.filter((s) => Math.sign(severity(s.level) - severity(from)) === direction);
  const streak = [...(sameSide.length === state.streak.length ? sameSide : []), { level: pointed, cause }];
  if (streak.length < rules.forObservations) return stay(streak);

  const distances = streak.map((s) => Math.abs(severity(s.level) - severity(from)));
  const nearest = streak[distances.indexOf(Math.min(...distances))];
  const to = nearest === undefined ? pointed : nearest.level;
  return {
    state: { level: to, streak: [] },
    from,
    to,
    transition: TRANSITIONS[from][to],
    causes: streak.map((s) => s.cause),
  };
}
