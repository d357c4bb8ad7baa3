/**
 * Alerts about the participant's own calls: which are raised and which end, by what was found and what is open.
 *
 * What is found are sums of 24 hours, of windows that come late and are corrected: no fold of one topic can tell them.
 */
import { callAlertEndMessage, callAlertMessage } from './callAlertTexts.ts';
import type {
  BucketKey,
  CallAlert,
  CallAlertEndReason,
  CallAlertKind,
  CallAlertRaised,
  CallAlertResolved,
  CallMeasure,
  EpochMs,
} from './events.ts';
import { bucketKey } from './events.ts';
import { alertEventId, callAlertId } from './identity.ts';
import { isAtMost, percentText } from './percent.ts';
import { HOUR_MS } from './time.ts';

export const CALL_ALERT_KINDS = [
  'NOT_FOUND_RATE',
  'QUERIES_PER_PAYMENT_ORDER',
  'UNEXPLAINED',
] as const satisfies readonly CallAlertKind[];

/** Percent, queries for each payment order, tokens. `null`: no alert of that kind is raised, and open ones end. */
export type CallAlertLevels = Readonly<Record<CallAlertKind, number | null>>;

/** An alert ends below this share of its level: a rate that hovers about it raises one. Percent. */
const ENDS_BELOW_PERCENT = 90;
/** Of which nothing was told for so long, it is over. */
const NOT_TOLD_MS = HOUR_MS;

/** The bucket as last seen. */
export type BucketSeen = Pick<
  CallAlert,
  | 'availableTokens'
  | 'capacity'
  | 'utilizationPercent'
  | 'consumptionRatePerMinute'
  | 'consumptionRateLowPerMinute'
  | 'recoveryEtaSeconds'
  | 'exhaustionProjectionSeconds'
  | 'category'
>;

/** What was found of one bucket. */
export interface Measured extends CallMeasure {
  readonly callValue: number;
  readonly measuredFrom: EpochMs;
  readonly measuredUntil: EpochMs;
  /** So little was looked at that less than the level says nothing. */
  readonly isPartial: boolean;
}

export interface CallReading extends BucketKey {
  readonly kind: CallAlertKind;
  /** `null`: nothing can be told. */
  readonly measured: Measured | null;
}

export interface OpenCallAlert extends BucketKey {
  readonly alertId: string;
  readonly kind: CallAlertKind;
  /** That it was raised by. */
  readonly level: number;
  readonly raisedAt: EpochMs;
  /** Since when nothing is told of it; `null`: something was, last time. */
  readonly quietSince: EpochMs | null;
  /** The bucket when it was raised. */
  readonly seen: BucketSeen;
}

export interface KnownOfCalls {
  readonly now: EpochMs;
  readonly levels: CallAlertLevels;
  readonly open: readonly OpenCallAlert[];
  readonly readings: readonly CallReading[];
  /** Kinds of which every bucket that anything is told of is among the readings. */
  readonly complete: readonly CallAlertKind[];
  /** By {@link bucketKey}, those that are observed. */
  readonly buckets: ReadonlyMap<string, BucketSeen>;
}

/** An alert that stays open, and what is new about it. */
export interface KeptCallAlert {
  readonly alertId: string;
  /** `null`: nothing is told now. */
  readonly value: number | null;
  readonly quietSince: EpochMs | null;
}

export interface CallDecision {
  readonly raised: readonly CallAlertRaised[];
  readonly resolved: readonly CallAlertResolved[];
  readonly kept: readonly KeptCallAlert[];
}

/** One text for a bucket and a kind: at most one alert of it is open. */
const placeOf = (kind: CallAlertKind, bucket: BucketKey): string => `${kind} ${bucketKey(bucket)}`;

export function decideCallAlerts(known: KnownOfCalls): CallDecision {
  const { open, readings, buckets, levels, now } = known;
  const isOpen = new Set(open.map((alert) => placeOf(alert.kind, alert)));
  const found = new Map(readings.map((reading) => [placeOf(reading.kind, reading), reading]));
  const raised = readings.flatMap((reading): CallAlertRaised[] => {
    const { kind, measured } = reading;
    const [level, seen] = [levels[kind], buckets.get(bucketKey(reading))];
    if (level === null || measured === null || seen === undefined || isOpen.has(placeOf(kind, reading))) return [];
    return isAbove(kind, measured, level) ? [raise(reading, { measured, level, seen, now })] : [];
  });
  const judged = open.map((alert) => judge(alert, found.get(placeOf(alert.kind, alert)), known));
  return {
    raised,
    resolved: judged.flatMap((one) => ('type' in one ? [one] : [])),
    kept: judged.flatMap((one) => ('type' in one ? [] : [one])),
  };
}

/** Beyond the level a rate is suspicious; so many tokens are. */
function isAbove(kind: CallAlertKind, { callValue, notFound, queries }: Measured, level: number): boolean {
  if (kind === 'UNEXPLAINED') return callValue >= level;
  // Whole numbers compare without rounding: 7 of 100 are not more than 7 %.
  return kind === 'NOT_FOUND_RATE' && notFound !== null && queries !== null
    ? !isAtMost(notFound, queries, level)
    : callValue > level;
}

/** How an open alert goes on, or that it ends. */
function judge(
  alert: OpenCallAlert,
  reading: CallReading | undefined,
  { now, levels, buckets, complete }: KnownOfCalls,
): KeptCallAlert | CallAlertResolved {
  const { alertId, quietSince, kind } = alert;
  const level = levels[kind];
  const seen = buckets.get(bucketKey(alert)) ?? alert.seen;
  if (level === null) return resolve(alert, { end: 'SWITCHED_OFF', seen, now });
  // It was not looked at.
  if (reading === undefined && !complete.includes(kind)) return { alertId, value: null, quietSince };
  const measured = reading?.measured ?? null;
  if (measured !== null && (isAbove(kind, measured, level) || !measured.isPartial))
    return hasRecovered(kind, measured, level)
      ? resolve(alert, { end: measured, seen, now })
      : { alertId, value: measured.callValue, quietSince: null };
  const since = quietSince ?? now;
  return now - since >= NOT_TOLD_MS
    ? resolve(alert, { end: 'NOT_TOLD', seen, now })
    : { alertId, value: null, quietSince: since };
}

const hasRecovered = (kind: CallAlertKind, measured: Measured, level: number): boolean =>
  !isAbove(kind, measured, level) && measured.callValue < (level * ENDS_BELOW_PERCENT) / 100;

interface Raising {
  readonly measured: Measured;
  readonly level: number;
  readonly seen: BucketSeen;
  readonly now: EpochMs;
}

function raise({ participant, policy, kind }: CallReading, { measured, level, seen, now }: Raising): CallAlertRaised {
  const alertId = callAlertId(participant, policy, kind, now);
  return {
    ...{ type: 'CallAlertRaised', eventId: alertEventId('CallAlertRaised', alertId), alertId },
    ...{ participant, policy, timestamp: now, ...seen, causedBy: [] },
    ...{ callKind: kind, callLevel: level, ...measureOf(measured), reason: 'ABOVE_LEVEL' },
    message: callAlertMessage({ participant, policy }, kind, measured, level),
    ruleVersion: callRuleVersion(kind, level),
  };
}

const NOTHING: CallMeasure = {
  ...{ callValue: null, measuredFrom: null, measuredUntil: null, queries: null, notFound: null, paymentOrders: null },
};

interface Ending extends Omit<Raising, 'measured' | 'level'> {
  /** What was measured where it has recovered, else why it ends. */
  readonly end: Measured | Exclude<CallAlertEndReason, 'RECOVERED'>;
}

function resolve(alert: OpenCallAlert, { end, seen, now }: Ending): CallAlertResolved {
  const { participant, policy, alertId, kind, level, raisedAt } = alert;
  return {
    ...{ type: 'CallAlertResolved', eventId: alertEventId('CallAlertResolved', alertId), alertId },
    // A clock that was set back, or is another process's, ends nothing before it began.
    ...{ participant, policy, timestamp: Math.max(now, raisedAt), ...seen, causedBy: [] },
    ...{ callKind: kind, callLevel: level, ...(typeof end === 'string' ? NOTHING : measureOf(end)), raisedAt },
    reason: typeof end === 'string' ? end : 'RECOVERED',
    message: callAlertEndMessage({ participant, policy }, kind, end),
    ruleVersion: callRuleVersion(kind, level),
  };
}

const measureOf = ({ isPartial: _, ...measure }: Measured): CallMeasure => measure;

const LETTERS: Readonly<Record<CallAlertKind, string>> = {
  NOT_FOUND_RATE: 'n',
  QUERIES_PER_PAYMENT_ORDER: 'q',
  UNEXPLAINED: 'u',
};

/** Names the rule that an alert was decided by, such as `n7-h90`. */
const callRuleVersion = (kind: CallAlertKind, level: number): string =>
  `${LETTERS[kind]}${percentText(level)}-h${ENDS_BELOW_PERCENT}`;
