/** What was found of each bucket, put together. Pure. */
import type { EpochMs } from '../domain/events.ts';
import { ruleVersion } from '../domain/thresholds.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { Alert } from './alerts.ts';
import type { Bucket } from '../views/buckets.ts';
import { changeCounts, sideFigures } from './figures.ts';
import type { ChangeCounts, SideFigures } from './figures.ts';
import { incidentsOf } from './incidents.ts';
import type { JudgedAlert } from './incidents.ts';
import { matchAlerts } from './match.ts';
import type { Matched, Pair } from './match.ts';
import type { JudgedOutage, OutageFigures } from './outages.ts';

export interface PolicyComparison {
  readonly participant: string;
  readonly policy: string;
  readonly baseline: SideFigures;
  readonly whatIf: SideFigures;
  /** Alerts, one by one. */
  readonly counts: ChangeCounts;
  /** Whole incidents: whether the first alert of any severity came earlier. */
  readonly incidents: ChangeCounts;
}

/** What was read. */
export interface HistoryRead {
  /** First and newest observation; `null` without any. */
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
  readonly observations: number;
  /** Came after a newer one of their bucket, so they count for no alert. */
  readonly late: number;
  /** Alerts that were open when the history left begins: compared by no one. */
  readonly carriedIn: number;
}

/** What one set of rules raised beside another. */
export interface Comparison {
  readonly ruleVersion: string;
  /** Rule versions of the baseline's alerts, and how many alerts each raised. */
  readonly baselineRules: Readonly<Record<string, number>>;
  readonly history: HistoryRead;
  /** Buckets with an alert on either side. */
  readonly policies: readonly PolicyComparison[];
  readonly baseline: SideFigures;
  readonly whatIf: SideFigures;
  /** Alerts, one by one. */
  readonly counts: ChangeCounts;
  /** Whole incidents. */
  readonly incidents: ChangeCounts;
  readonly added: readonly JudgedAlert[];
  readonly gone: readonly JudgedAlert[];
  /** Pairs that differ. */
  readonly changed: readonly Pair<JudgedAlert>[];
  /** When the alerts of each side were raised, for charts. */
  readonly raised: { readonly baseline: readonly EpochMs[]; readonly whatIf: readonly EpochMs[] };
}

export interface WhatIfReport extends Comparison {
  readonly outages: OutageReport;
}

/** Times at which buckets were seen empty, and what announced them. */
export interface OutageReport {
  /** In order of time. */
  readonly list: readonly JudgedOutage[];
  readonly figures: OutageFigures;
  /** Forecasts that were made: where there were none, they are off or did not exist yet. */
  readonly forecasts: number;
  /** The coarser schedule asked about, and the observations that it has left; `null`: none was asked about. */
  readonly thinned: { readonly everyMs: number; readonly observations: number } | null;
  /** The horizon asked about, and the forecasts that would have been made; `null`: none was asked about. */
  readonly foreseen: { readonly horizonMs: number; readonly forecasts: number } | null;
}

/** What one set of rules raised of a bucket within the window. */
interface Side {
  readonly alerts: readonly JudgedAlert[];
  /** Each as one alert. One that was under way when the window opens counts, with the lead of its first alert. */
  readonly incidents: readonly JudgedAlert[];
}

export interface BothSides<T> {
  readonly baseline: T;
  readonly whatIf: T;
}

/** One bucket, both sides. */
export interface ComparedBucket extends BothSides<Side> {
  readonly bucket: Bucket;
  readonly read: HistoryRead;
  readonly matched: Matched<JudgedAlert>;
  readonly incidents: Matched<JudgedAlert>;
}

export interface Window {
  /** Included. */
  readonly from?: EpochMs | undefined;
  /** Excluded. */
  readonly to?: EpochMs | undefined;
}

/** Compares the whole lists of one bucket, then keeps what overlaps the window. */
export function compareSides(
  { bucket, read, baseline, whatIf }: Pick<ComparedBucket, 'bucket' | 'read'> & BothSides<readonly JudgedAlert[]>,
  { from = -Infinity, to = Infinity }: Window,
): ComparedBucket {
  const inWindow = ({ raisedAt, resolvedAt }: Alert): boolean => raisedAt < to && (resolvedAt ?? Infinity) > from;
  const within = ({ pairs, added, gone }: Matched<JudgedAlert>): Matched<JudgedAlert> => ({
    pairs: pairs.filter((pair) => inWindow(pair.baseline) || inWindow(pair.whatIf)),
    added: added.filter(inWindow),
    gone: gone.filter(inWindow),
  });
  const incidents = { baseline: incidentsOf(baseline), whatIf: incidentsOf(whatIf) };
  const sideOf = (which: keyof typeof incidents, alerts: readonly JudgedAlert[]): Side => ({
    alerts: alerts.filter(inWindow),
    incidents: incidents[which].filter(inWindow),
  });
  const until = read.to ?? 0;
  return {
    bucket,
    read,
    baseline: sideOf('baseline', baseline),
    whatIf: sideOf('whatIf', whatIf),
    matched: within(matchAlerts(baseline, whatIf, until)),
    incidents: within(matchAlerts(incidents.baseline, incidents.whatIf, until)),
  };
}

const joined = (all: readonly Matched<JudgedAlert>[]): Matched<JudgedAlert> => ({
  pairs: all.flatMap(({ pairs }) => pairs),
  added: all.flatMap(({ added }) => added),
  gone: all.flatMap(({ gone }) => gone),
});

const sideOfAll = (sides: readonly Side[]): Side => ({
  alerts: sides.flatMap(({ alerts }) => alerts),
  incidents: sides.flatMap(({ incidents }) => incidents),
});

const figuresOf = ({ alerts, incidents }: Side): SideFigures => sideFigures(alerts, incidents);

/** `against` as in the question: `null` for the alerts really raised. */
export function reportOf(
  compared: readonly ComparedBucket[],
  { rules, against }: { readonly rules: ThresholdRules; readonly against: ThresholdRules | null },
): Comparison {
  const baseline = sideOfAll(compared.map((each) => each.baseline));
  const folded = sideOfAll(compared.map((each) => each.whatIf));
  const matched = joined(compared.map((each) => each.matched));
  const times = (alerts: readonly Alert[]): EpochMs[] => alerts.map(({ raisedAt }) => raisedAt);
  return {
    ruleVersion: ruleVersion(rules),
    baselineRules: against === null ? versionsOf(baseline.alerts) : { [ruleVersion(against)]: baseline.alerts.length },
    history: totalRead(compared.map(({ read }) => read)),
    policies: compared.filter((each) => each.baseline.alerts.length + each.whatIf.alerts.length > 0).map(comparisonOf),
    baseline: figuresOf(baseline),
    whatIf: figuresOf(folded),
    counts: changeCounts(matched),
    incidents: changeCounts(joined(compared.map((each) => each.incidents))),
    added: matched.added,
    gone: matched.gone,
    changed: matched.pairs.filter(({ changes }) => changes.length > 0),
    raised: { baseline: times(baseline.alerts), whatIf: times(folded.alerts) },
  };
}

const comparisonOf = ({ bucket, baseline, whatIf: folded, matched, incidents }: ComparedBucket): PolicyComparison => ({
  participant: bucket.participant,
  policy: bucket.policy,
  baseline: figuresOf(baseline),
  whatIf: figuresOf(folded),
  counts: changeCounts(matched),
  incidents: changeCounts(incidents),
});

function versionsOf(alerts: readonly Alert[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { ruleVersion: version } of alerts) counts[version] = (counts[version] ?? 0) + 1;
  return counts;
}

function totalRead(reads: readonly HistoryRead[]): HistoryRead {
  const sum = (of: (read: HistoryRead) => number): number => reads.reduce((total, read) => total + of(read), 0);
  const times = (of: (read: HistoryRead) => EpochMs | null): EpochMs[] => reads.map(of).filter((at) => at !== null);
  const edge = (found: readonly EpochMs[], pick: (a: number, b: number) => number): EpochMs | null =>
    found.length === 0 ? null : found.reduce((a, b) => pick(a, b));
  return {
    from: edge(
      times((read) => read.from),
      Math.min,
    ),
    to: edge(
      times((read) => read.to),
      Math.max,
    ),
    observations: sum((read) => read.observations),
    late: sum((read) => read.late),
    carriedIn: sum((read) => read.carriedIn),
  };
}
