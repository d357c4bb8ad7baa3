/** The what-if report as text, JSON and CSV. */
import { stringify } from 'csv-stringify/sync';
import type { JudgedAlert } from '../../analysis/incidents.ts';
import type { Change, Pair } from '../../analysis/match.ts';
import type { ChangeCounts, SideFigures } from '../../analysis/figures.ts';
import type { PolicyComparison, WhatIfReport } from '../../analysis/comparison.ts';
import { ruleVersionInWords } from '../../analysis/rules.ts';
import { outageJson, outagesSummary, outagesText } from './outages.ts';
import { table } from './table.ts';
import { durationText, iso, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from './table.ts';
import { CSV_CAST } from './csv.ts';

const alertJson = (alert: JudgedAlert) => ({
  id: alert.alertId,
  participant: alert.participant,
  endpoint_id: alert.policy,
  severity: alert.severity,
  created_at: iso(alert.raisedAt),
  resolved_at: iso(alert.resolvedAt),
  reason: alert.raiseReason,
  resolution_reason: alert.resolveReason,
  available_tokens: alert.availableTokens,
  capacity: alert.capacity,
  rule_version: alert.ruleVersion,
  starts_incident: alert.startsIncident,
  flap: alert.flap,
  reached_zero_at: iso(alert.zeroAt),
  lead_seconds: alert.leadSeconds,
});

const pairJson = (pair: Pair<JudgedAlert>) => ({
  participant: pair.whatIf.participant,
  endpoint_id: pair.whatIf.policy,
  severity: pair.whatIf.severity,
  raised_shift_seconds: pair.raisedShiftSeconds,
  duration_shift_seconds: pair.durationShiftSeconds,
  baseline: alertJson(pair.baseline),
  what_if: alertJson(pair.whatIf),
});

/** Every difference in lists by its kind; a pair may be both earlier and longer. */
export function whatIfJson(report: WhatIfReport) {
  const of = (change: Change) => report.changed.filter((p) => p.changes.includes(change)).map(pairJson);
  const { history, baseline, whatIf, counts } = report;
  return {
    summary: {
      rule_version: report.ruleVersion,
      baseline_rule_versions: report.baselineRules,
      history_from: iso(history.from),
      history_to: iso(history.to),
      observations: history.observations,
      late_observations: history.late,
      open_when_history_begins: history.carriedIn,
      ...counts,
      incidents: report.incidents,
      baseline,
      what_if: whatIf,
      outages: outagesSummary(report.outages),
    },
    policies: report.policies.map(({ participant, policy, counts: changes, incidents, ...sides }) => ({
      participant,
      endpoint_id: policy,
      ...changes,
      incidents,
      baseline: sides.baseline,
      what_if: sides.whatIf,
    })),
    added: report.added.map(alertJson),
    gone: report.gone.map(alertJson),
    earlier: of('earlier'),
    later: of('later'),
    longer: of('longer'),
    shorter: of('shorter'),
    outages: report.outages.list.map((outage) => outageJson(outage, report.outages)),
  };
}

/** One difference: an alert of one side, or a pair. */
interface Difference {
  readonly change: string;
  readonly baseline: JudgedAlert | null;
  readonly whatIf: JudgedAlert | null;
  readonly pair: Pair<JudgedAlert> | null;
}

const timeOf = ({ baseline, whatIf }: Difference): number =>
  Math.min(baseline?.raisedAt ?? Infinity, whatIf?.raisedAt ?? Infinity);

/** In order of time. */
const differences = (report: WhatIfReport): Difference[] =>
  [
    ...report.added.map((alert) => ({ change: 'added', baseline: null, whatIf: alert, pair: null })),
    ...report.gone.map((alert) => ({ change: 'gone', baseline: alert, whatIf: null, pair: null })),
    ...report.changed.map((pair) => ({ ...pair, change: pair.changes.join('+'), pair })),
  ].sort((a, b) => timeOf(a) - timeOf(b));

const CSV_COLUMNS = [
  ...['change', 'participant', 'endpoint_id', 'severity', 'baseline_created_at', 'baseline_resolved_at'],
  ...['what_if_created_at', 'what_if_resolved_at', 'raised_shift_seconds', 'duration_shift_seconds'],
  ...['baseline_lead_seconds', 'what_if_lead_seconds'],
];

export function whatIfCsv(report: WhatIfReport): string {
  const records = differences(report).map(({ change, baseline, whatIf, pair }) => ({
    change,
    participant: (whatIf ?? baseline)?.participant,
    endpoint_id: (whatIf ?? baseline)?.policy,
    severity: (whatIf ?? baseline)?.severity,
    baseline_created_at: iso(baseline?.raisedAt ?? null),
    baseline_resolved_at: iso(baseline?.resolvedAt ?? null),
    what_if_created_at: iso(whatIf?.raisedAt ?? null),
    what_if_resolved_at: iso(whatIf?.resolvedAt ?? null),
    raised_shift_seconds: pair?.raisedShiftSeconds,
    duration_shift_seconds: pair?.durationShiftSeconds,
    baseline_lead_seconds: baseline?.leadSeconds,
    what_if_lead_seconds: whatIf?.leadSeconds,
  }));
  return stringify(records, { header: true, columns: CSV_COLUMNS, cast: CSV_CAST });
}

export function whatIfText(report: WhatIfReport): string[] {
  const { history } = report;
  const raised = Object.entries(report.baselineRules).map(
    ([version, n]) => `${ruleVersionInWords(version)} (${numberText(n)} ${n === 1 ? 'alert' : 'alerts'})`,
  );
  return [
    `rules     ${ruleVersionInWords(report.ruleVersion)}`,
    `baseline  ${raised.join('; ') || 'no alert'}`,
    `history   ${numberText(history.observations)} observations from ${timeText(history.from)} to ${timeText(history.to)}${history.late > 0 ? `; ${numberText(history.late)} late ones count for no alert` : ''}`,
    ...(history.carriedIn > 0
      ? [`          ${history.carriedIn} alerts were open when the history kept begins: they are not compared`]
      : []),
    '',
    ...table(SIDE_COLUMNS, [
      { name: 'baseline', figures: report.baseline },
      { name: 'what-if', figures: report.whatIf },
    ]),
    '',
    `alerts     ${countsText(report.counts)}`,
    `incidents  ${countsText(report.incidents)}`,
    ...outagesText(report.outages),
    '',
    ...(report.policies.length === 0 ? [] : [...table(POLICY_COLUMNS, policyRows(report)), '']),
    ...differencesText(report),
  ];
}

const countsText = (counts: ChangeCounts): string =>
  Object.entries(counts)
    .map(([change, n]: [string, number]) => `${numberText(n)} ${change}`)
    .join(', ');

interface Side {
  readonly name: string;
  readonly figures: SideFigures;
}

const SIDE_COLUMNS: readonly Column<Side>[] = [
  { title: '', value: ({ name }) => name },
  { title: 'ALERTS', value: ({ figures }) => numberText(figures.alerts), right: true },
  { title: 'WARNING', value: ({ figures }) => numberText(figures.warning), right: true },
  { title: 'CRITICAL', value: ({ figures }) => numberText(figures.critical), right: true },
  { title: 'OPEN', value: ({ figures }) => numberText(figures.open), right: true },
  { title: 'INCIDENTS', value: ({ figures }) => numberText(figures.incidents), right: true },
  { title: 'FLAPS', value: ({ figures }) => numberText(figures.flaps), right: true },
  { title: 'REACHED ZERO', value: ({ figures }) => numberText(figures.reached_zero), right: true },
  { title: 'LEAD, MEDIAN', value: ({ figures }) => leadText(figures.lead_median_seconds), right: true },
  { title: 'LEAST', value: ({ figures }) => leadText(figures.lead_min_seconds), right: true },
];

/** Less than 0: the bucket was empty before. */
const leadText = (seconds: number | null): string =>
  seconds !== null && seconds < 0 ? `-${durationText(-seconds)}` : durationText(seconds);

type PolicyRow = Omit<PolicyComparison, 'participant'>;

function policyRows(report: WhatIfReport): PolicyRow[] {
  const several = new Set(report.policies.map(({ participant }) => participant)).size > 1;
  const rows = report.policies.map((row) => (several ? { ...row, policy: `${row.participant} ${row.policy}` } : row));
  return [...rows, { ...report, policy: 'in all' }];
}

const countColumn = (title: string, of: (row: PolicyRow) => number): Column<PolicyRow> => ({
  title,
  value: (row) => numberText(of(row)),
  right: true,
});

const beside = (title: string, of: (figures: SideFigures) => string): Column<PolicyRow> => ({
  title,
  value: ({ baseline, whatIf }) => `${of(baseline)} > ${of(whatIf)}`,
  right: true,
});

const POLICY_COLUMNS: readonly Column<PolicyRow>[] = [
  { title: 'POLICY', value: ({ policy }) => policy },
  beside('ALERTS', ({ alerts }) => numberText(alerts)),
  countColumn('ADDED', ({ counts }) => counts.added),
  countColumn('GONE', ({ counts }) => counts.gone),
  countColumn('EARLIER', ({ counts }) => counts.earlier),
  countColumn('LATER', ({ counts }) => counts.later),
  countColumn('LONGER', ({ counts }) => counts.longer),
  countColumn('SHORTER', ({ counts }) => counts.shorter),
  countColumn('UNCHANGED', ({ counts }) => counts.unchanged),
  beside('FLAPS', ({ flaps }) => numberText(flaps)),
  beside('LEAD, MEDIAN', (figures) => leadText(figures.lead_median_seconds)),
];

const MAX_LISTED = 20;

function differencesText(report: WhatIfReport): string[] {
  const all = differences(report);
  if (all.length === 0) return ['No difference: the same alerts at the same times.'];
  const rest = all.length - MAX_LISTED;
  return [
    `${numberText(all.length)} ${all.length === 1 ? 'alert differs' : 'alerts differ'}`,
    ...table(DIFFERENCE_COLUMNS, all.slice(0, MAX_LISTED)),
    ...(rest > 0 ? [`and ${numberText(rest)} more: --json or --csv lists all`] : []),
  ];
}

const shown = ({ whatIf, baseline }: Difference): JudgedAlert | null => whatIf ?? baseline;

const DIFFERENCE_COLUMNS: readonly Column<Difference>[] = [
  { title: 'CHANGE', value: ({ change }) => change },
  { title: 'SEVERITY', value: (d) => shown(d)?.severity ?? '' },
  { title: 'PARTICIPANT', value: (d) => shown(d)?.participant ?? '' },
  { title: 'POLICY', value: (d) => shown(d)?.policy ?? '' },
  { title: 'RAISED', value: (d) => timeText(shown(d)?.raisedAt ?? null) },
  {
    title: 'RESOLVED',
    value: (d) => {
      const at = shown(d)?.resolvedAt ?? null;
      return at === null ? 'open' : timeText(at);
    },
  },
  { title: 'LEFT', value: (d) => leftText(shown(d)), right: true },
  { title: 'RAISED BY', value: ({ pair }) => shiftText(pair?.raisedShiftSeconds), right: true },
  { title: 'LASTED BY', value: ({ pair }) => shiftText(pair?.durationShiftSeconds), right: true },
];

const leftText = (alert: JudgedAlert | null): string =>
  alert === null ? '-' : percentText((alert.availableTokens * 100) / alert.capacity);

/** `+5m 00s`, `-10m 00s`, or a dash for none. */
function shiftText(seconds: number | undefined): string {
  if (seconds === undefined || seconds === 0) return '-';
  return `${seconds < 0 ? '-' : '+'}${durationText(Math.abs(seconds))}`;
}
