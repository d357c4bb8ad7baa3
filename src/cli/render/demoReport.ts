/** The demonstration's report as text. */
import type { DemoReport } from '../../demo/demo.ts';
import type { ReportedCalls } from '../../demo/reporting.ts';
import { numbered, numberText, percentText } from '../../format.ts';
import type { PolicySummary } from '../../demo/inspect.ts';
import type { Truth } from '../../demo/truth.ts';

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** One character per value: the share left, full height at 100 %, lowest at or below 0. */
function sparkline(percents: readonly number[]): string {
  return percents
    .map((percent) => {
      const level = Math.floor((Math.min(100, Math.max(0, percent)) / 100) * BARS.length);
      return BARS[Math.min(BARS.length - 1, level)] ?? '';
    })
    .join('');
}

/** `1h 05m`, `12m`, or `–` for nothing. */
function span(seconds: number): string {
  if (seconds === 0) return '–';
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m` : `${hours}h ${String(minutes % 60).padStart(2, '0')}m`;
}

export function renderDemo(report: DemoReport): string[] {
  const { seed, days, participants, polls, observations, policies, seconds } = report;
  const of = participants === 1 ? '' : ` of ${participants} participants`;
  const width = Math.max(...report.by_policy.map(({ policy }) => policy.length));
  const failed = Object.entries(report.invariants).filter(([, held]) => !held);
  return [
    `${days} simulated ${days === 1 ? 'day' : 'days'}${of}, seed ${seed}: ${polls} polls of ${policies} ${participants === 1 ? 'policies' : 'buckets'}, ${observations} observations in ${seconds} s (${report.observations_per_second}/s, at most ${report.peak_rss_mib} MiB)`,
    '',
    `${'POLICY'.padEnd(width)}  ${'LOWEST'.padStart(7)}  ${'WARNING'.padStart(8)}  ${'CRITICAL'.padStart(8)}  ALERTS  TOKENS LEFT`,
    ...report.by_policy.map((policy) => renderPolicy(policy, width)),
    '',
    ...renderTruth(report.truth),
    '',
    ...(report.calls === null ? [] : [renderCalls(report.calls)]),
    `${report.alerts_raised} alerts raised, ${report.alerts_resolved} resolved, ${report.open_alerts} open; ${report.lost} observations lost, ${report.duplicates} duplicates`,
    `states ${report.states_hash.slice(0, 16)}…  alerts ${report.alerts_hash.slice(0, 16)}…`,
    failed.length === 0
      ? `All ${Object.keys(report.invariants).length} invariants held.`
      : `INVARIANTS BROKEN: ${failed.map(([name]) => name.replaceAll('_', ' ')).join('; ')}`,
  ];
}

const renderCalls = ({ windows, reported_tokens: reported, charged_tokens: charged }: ReportedCalls): string =>
  `Calls were reported in ${numbered(windows, 'window')}: ${numberText(reported)} of ${numberText(charged)} tokens`;

/** What really happened, and what was known of it in time: as sentences. */
function renderTruth(truth: Truth): string[] {
  const { episodes, median_lead_seconds: lead, polls_refused: refused, time_to_zero_80_coverage: held } = truth;
  const share = (count: number): string => `${count} (${Math.round((100 * count) / episodes)} %)`;
  const calls = `${truth.list_calls_per_minute.toFixed(1)} lists and ${truth.read_calls_per_minute.toFixed(1)} reads a minute, ${refused === 0 ? 'none' : refused} of them refused`;
  const forecasts = `${truth.false_forecasts_per_day.toFixed(1)} forecasts a day came to nothing${held === null ? '' : `; of those that came true, ${Math.round(100 * held)} % did so within their 80 % interval`}.`;
  const known =
    episodes === 0
      ? ['No bucket was empty when it was needed.']
      : [
          `${episodes} times a bucket was empty and DICT refused (429). Seen: ${share(truth.seen)}.`,
          `Announced before the first refusal: ${share(truth.warned_before)}, by a threshold alone ${share(truth.alerted_before)}${lead === null ? '' : `; ${Math.round(lead)} s before, at the median`}.`,
        ];
  return [
    ...known,
    forecasts,
    `Balde asked ${calls}.`,
    ...(truth.interval_80_coverage === null
      ? []
      : [
          `Consumption was estimated ${biasText(truth.rate_bias)}; ${Math.round(100 * truth.interval_80_coverage)} % of the 80 % intervals held it${truth.hour_error === null ? '' : `, and a busy hour is off by ${percentText(100 * truth.hour_error)} at the median`}.`,
        ]),
    truth.bounds_violated === 0
      ? 'No interval consumed less or more than its proven bounds.'
      : `${truth.bounds_violated} intervals consumed less or more than their proven bounds.`,
  ];
}

const biasText = (bias: number | null): string =>
  bias === null || Math.abs(bias) < 0.0005
    ? 'without bias'
    : `${percentText(100 * Math.abs(bias))} too ${bias > 0 ? 'high' : 'low'} in all`;

function renderPolicy(summary: PolicySummary, width: number): string {
  return [
    summary.policy.padEnd(width),
    `${summary.lowest_percent.toFixed(1)}%`.padStart(7),
    span(summary.warning_seconds).padStart(8),
    span(summary.critical_seconds).padStart(8),
    String(summary.alerts).padStart(6),
    sparkline(summary.profile),
  ].join('  ');
}
