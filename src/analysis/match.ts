/** Which alerts of two lists are the same one, and how the second list's differs. Pure. */
import type { EpochMs } from '../domain/events.ts';
import type { Alert } from './alerts.ts';

export type Change = 'earlier' | 'later' | 'longer' | 'shorter';

/** One alert in both lists. Shifts are what-if minus baseline, in seconds. */
export interface Pair<A extends Alert = Alert> {
  readonly baseline: A;
  readonly whatIf: A;
  readonly raisedShiftSeconds: number;
  readonly durationShiftSeconds: number;
  /** Empty when both are alike. */
  readonly changes: readonly Change[];
}

export interface Matched<A extends Alert = Alert> {
  readonly pairs: readonly Pair<A>[];
  /** Only in what-if. */
  readonly added: readonly A[];
  /** Only in the baseline. */
  readonly gone: readonly A[];
}

/**
 * Alerts of one bucket, each list oldest first and without overlaps of its own. Alerts of the same severity that
 * overlap in time are the same one, each matched once, the earlier first: where two became one, the second is gone.
 * `until` is the newest observation: how long an alert that is still open has lasted.
 */
export function matchAlerts<A extends Alert>(baseline: readonly A[], whatIf: readonly A[], until: EpochMs): Matched<A> {
  const matches = (['WARNING', 'CRITICAL'] as const).map((severity) => {
    const of = (list: readonly A[]): A[] => list.filter((alert) => alert.severity === severity);
    return matchOne(of(baseline), of(whatIf), until);
  });
  const inTime = (a: A, b: A): number => a.raisedAt - b.raisedAt;
  return {
    pairs: matches.flatMap((m) => m.pairs).sort((a, b) => inTime(a.whatIf, b.whatIf)),
    added: matches.flatMap((m) => m.added).sort(inTime),
    gone: matches.flatMap((m) => m.gone).sort(inTime),
  };
}

function matchOne<A extends Alert>(baseline: readonly A[], whatIf: readonly A[], until: EpochMs): Matched<A> {
  const pairs: Pair<A>[] = [];
  const added: A[] = [];
  const gone: A[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const base = baseline[i];
    const other = whatIf[j];
    if (base === undefined || other === undefined) break;
    if (overlap(base, other)) {
      pairs.push(pairOf(base, other, until));
      i += 1;
      j += 1;
    } else if (base.raisedAt < other.raisedAt) {
      gone.push(base);
      i += 1;
    } else {
      added.push(other);
      j += 1;
    }
  }
  return { pairs, added: [...added, ...whatIf.slice(j)], gone: [...gone, ...baseline.slice(i)] };
}

const endOf = (alert: Alert): EpochMs => alert.resolvedAt ?? Infinity;

const overlap = (a: Alert, b: Alert): boolean =>
  a.raisedAt === b.raisedAt || (a.raisedAt < endOf(b) && b.raisedAt < endOf(a));

function pairOf<A extends Alert>(baseline: A, whatIf: A, until: EpochMs): Pair<A> {
  const duration = (alert: Alert): number => (alert.resolvedAt ?? until) - alert.raisedAt;
  const raised = whatIf.raisedAt - baseline.raisedAt;
  const lasted = duration(whatIf) - duration(baseline);
  const changes: Change[] = [
    ...(raised < 0 ? (['earlier'] as const) : raised > 0 ? (['later'] as const) : []),
    ...(lasted > 0 ? (['longer'] as const) : lasted < 0 ? (['shorter'] as const) : []),
  ];
  return {
    baseline,
    whatIf,
    raisedShiftSeconds: raised / 1000,
    durationShiftSeconds: lasted / 1000,
    changes,
  };
}
