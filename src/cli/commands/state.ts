/** `balde state`: every bucket as it was known at one time. */
import { Command } from 'commander';
import { stateChart } from '../../analysis/charts.ts';
import type { BucketBar } from '../../analysis/charts.ts';
import { historyBegins, stateAt } from '../../views/stateAt.ts';
import type { StateAt } from '../../views/stateAt.ts';
import type { EpochMs } from '../../domain/events.ts';
import { levelOf } from '../../domain/thresholds.ts';
import type { Level, ThresholdRules } from '../../domain/thresholds.ts';
import { UsageError } from '../../errors.ts';
import { readStaleAfterMs } from '../../store/settings.ts';
import { svgOption, writeChart } from '../options/chart.ts';
import { table } from '../render/table.ts';
import { durationText, iso, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from '../render/table.ts';
import { jsonOption, printJson, printLine, observing, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { participantOption, pickBuckets, policyOption } from '../options/buckets.ts';
import { timeOption, withTimesHelp } from '../options/times.ts';

interface StateOptions extends CommonOptions {
  readonly at: EpochMs;
  readonly participant?: string;
  readonly policy?: string;
  readonly svg?: string;
}

export function stateCommand(): Command {
  const command = new Command('state')
    .description("show every bucket as it was known at a time (DICT's clock), and the alerts open then")
    .addOption(timeOption('--at <time>', 'the time').makeOptionMandatory())
    .addOption(participantOption())
    .addOption(policyOption())
    .addOption(jsonOption().conflicts('svg'))
    .addOption(svgOption());
  withTimesHelp(command);
  return withStorageOptions(command).action(async (options: StateOptions) => await showState(options));
}

/** A bucket at the time asked for. */
interface Shown {
  readonly state: StateAt;
  /** By the thresholds alone, without hysteresis. */
  readonly level: Level;
  readonly ageSeconds: number;
  readonly stale: boolean;
}

async function showState(options: StateOptions): Promise<void> {
  await observing(options, async ({ database }, { rules }) => {
    const known = await pickBuckets(database, options);
    const states = await stateAt(database, options.at, options);
    if (states.length === 0) {
      const begins = await historyBegins(database, options);
      const since = begins === null ? 'history holds no observation' : `history begins at ${iso(begins)}`;
      throw new UsageError(`nothing was known at ${iso(options.at)}: ${since}`);
    }
    const staleAfterMs = await readStaleAfterMs(database);
    const shown = states.map((state) => judged(state, options.at, rules, staleAfterMs)).sort(worstFirst);
    if (options.json === true) printJson({ at: iso(options.at), states: shown.map(stateJson) });
    else if (options.svg !== undefined) {
      await writeChart(options.svg, await stateChart(shown.map(barOf), options.at, rules));
    } else for (const line of stateText(shown, options.at, known.length - states.length)) printLine(line);
  });
}

function judged(state: StateAt, at: EpochMs, rules: ThresholdRules, staleAfterMs: number): Shown {
  const age = at - state.response_time;
  return {
    state,
    level: levelOf(state.available_tokens, state.capacity, rules),
    ageSeconds: age / 1000,
    stale: age > staleAfterMs,
  };
}

const RANK: Readonly<Record<Level, number>> = { CRITICAL: 0, WARNING: 1, OK: 2 };

const worstFirst = (a: Shown, b: Shown): number =>
  RANK[a.level] - RANK[b.level] || b.state.utilization_percent - a.state.utilization_percent;

/** A bucket as `--json` shows it. */
function stateJson({ state, level, ageSeconds, stale }: Shown) {
  const { alert_id: id, alert_severity: severity, alert_created_at: created, ...columns } = state;
  return {
    ...columns,
    response_time: iso(columns.response_time),
    remaining_percent: 100 - columns.utilization_percent,
    age_seconds: ageSeconds,
    level,
    stale,
    alert: id === null ? null : { id, severity, created_at: iso(created) },
  };
}

const barOf = ({ state, level, stale }: Shown): BucketBar => ({
  participant: state.participant,
  policy: state.endpoint_id,
  level,
  availableTokens: state.available_tokens,
  capacity: state.capacity,
  remainingPercent: 100 - state.utilization_percent,
  stale,
});

const COLUMNS: readonly Column<Shown>[] = [
  { title: 'LEVEL', value: ({ level, stale }) => (stale ? `${level} (stale)` : level) },
  { title: 'PARTICIPANT', value: ({ state }) => state.participant },
  { title: 'POLICY', value: ({ state }) => state.endpoint_id },
  { title: 'LEFT', value: ({ state }) => percentText(100 - state.utilization_percent), right: true },
  { title: 'TOKENS', value: ({ state }) => numberText(state.available_tokens), right: true },
  { title: 'CAPACITY', value: ({ state }) => numberText(state.capacity), right: true },
  { title: 'CATEGORY', value: ({ state }) => state.psp_category ?? '-' },
  { title: 'AGE', value: ({ ageSeconds }) => durationText(ageSeconds), right: true },
  { title: 'FULL IN', value: ({ state }) => durationText(state.recovery_eta_seconds), right: true },
  { title: 'EMPTY IN', value: ({ state }) => durationText(state.exhaustion_projection_seconds), right: true },
  {
    title: 'OPEN ALERT',
    value: ({ state }) =>
      state.alert_id === null ? '-' : `${state.alert_severity ?? ''} since ${timeText(state.alert_created_at)}`,
  },
];

function stateText(shown: readonly Shown[], at: EpochMs, unseen: number): string[] {
  const open = shown.filter(({ state }) => state.alert_id !== null).length;
  return [
    `${shown.length} ${shown.length === 1 ? 'bucket' : 'buckets'} at ${timeText(at)}, ${open} open ${open === 1 ? 'alert' : 'alerts'}${unseen > 0 ? `; ${unseen} not known yet, or no longer in history` : ''}`,
    '',
    ...table(COLUMNS, shown),
  ];
}
