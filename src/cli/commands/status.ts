/** `balde status`: how the buckets stand, and how Balde does. */
import { Command, Option } from 'commander';
import type { Storage } from '../../app/storage.ts';
import { readStatus } from '../../operate/status.ts';
import type { Status } from '../../operate/status.ts';
import type { FoldStanding } from '../../app/standing.ts';
import type { AlertRow } from '../../views/alerts.ts';
import type { LatestState } from '../../views/latest.ts';
import { alertJson, shortId } from './alerts.ts';
import { table } from '../render/table.ts';
import { durationText, iso, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from '../render/table.ts';
import { jsonOption, printJson, printLine, observing, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { oneOfAnyCase } from '../options/parsers.ts';
import { participantOption, pickBuckets, policyOption } from '../options/buckets.ts';

const LEVELS = ['OK', 'WARNING', 'CRITICAL', 'STALE'] as const;
type Health = (typeof LEVELS)[number];

interface StatusOptions extends CommonOptions {
  readonly participant?: string;
  readonly policy?: string;
  readonly level?: Health;
  readonly severity?: Health;
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('show the buckets (worst first), open alerts, the size of history, and how far the processors are')
    .addOption(participantOption())
    .addOption(policyOption())
    .addOption(
      new Option('--level <level>', `buckets that are ${LEVELS.join(', ')}, and alerts of that severity`).argParser(
        oneOfAnyCase(LEVELS),
      ),
    )
    .addOption(new Option('--severity <level>', 'the same').argParser(oneOfAnyCase(LEVELS)).hideHelp())
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: StatusOptions) => {
    await observing(options, async (storage) => {
      const { participant, policy } = options;
      if (participant !== undefined || policy !== undefined) await pickBuckets(storage.database, options);
      const status = narrowed(await readStatus(storage, Date.now()), options);
      if (options.json === true) printJson(json(status));
      else for (const line of text(status, storage)) printLine(line);
    });
  });
}

/** Buckets and alerts that fit; the size of history and the folds are those of everything. */
function narrowed(status: Status, { participant, policy, level, severity = level }: StatusOptions): Status {
  const fits = (one: LatestState | AlertRow): boolean =>
    (participant ?? one.participant) === one.participant && (policy ?? one.endpoint_id) === one.endpoint_id;
  return {
    ...status,
    states: status.states.filter((one) => fits(one) && (severity ?? one.health_status) === one.health_status),
    alerts: status.alerts.filter((one) => fits(one) && (severity ?? one.severity) === one.severity),
  };
}

function json(status: Status) {
  return {
    participants: status.participants,
    policies: status.policies,
    history_rows: status.historyRows,
    last_observation: iso(status.lastObservation),
    open_alerts: status.alerts.length,
    outbox: status.outbox,
    months_ahead: status.monthsAhead,
    horizon: iso(status.horizon),
    states: status.states.map((state) => ({ ...state, response_time: iso(state.response_time) })),
    alerts: status.alerts.map(alertJson),
    folds: status.folds.map((fold) => ({
      fold: fold.fold,
      version: fold.version,
      served: fold.served,
      topic: fold.topic,
      caught_up: fold.caughtUp,
      partitions: fold.partitions,
      partitions_behind: fold.partitionsBehind,
      moved_at: iso(fold.movedAt),
    })),
  };
}

const counted = (n: number, one: string, many: string): string => `${numberText(n)} ${n === 1 ? one : many}`;

function text(status: Status, { description }: Storage): string[] {
  const { alerts, states } = status;
  return [
    description,
    `history   ${numberText(status.historyRows)} observations of ${counted(status.policies, 'policy', 'policies')}, ${counted(status.participants, 'participant', 'participants')}; newest ${timeText(status.lastObservation)}`,
    `kept      ${status.horizon === null ? 'everything so far' : `from ${timeText(status.horizon)} on`}; ${status.monthsAhead ?? 0} months prepared ahead`,
    `outbox    ${numberText(status.outbox)} waiting`,
    ...status.folds.map((fold) => `fold      ${foldText(fold)}`),
    '',
    ...(states.length === 0
      ? [status.lastObservation === null ? 'no observation yet' : 'no bucket like that']
      : table(BUCKETS, states)),
    '',
    alerts.length === 0 ? 'no open alert' : `${alerts.length} open:`,
    ...alerts.map((alert) => `  ${shortId(alert.id)}  ${timeText(alert.created_at)}  ${alert.message}`),
  ];
}

function foldText(fold: FoldStanding): string {
  const version = `${fold.fold} v${fold.version}${fold.served ? '' : ' (not in service)'}`;
  const standing = fold.caughtUp
    ? 'caught up'
    : `behind in ${fold.partitionsBehind} of ${fold.partitions} partitions of ${fold.topic}`;
  return `${version}: ${standing}; last commit ${timeText(fold.movedAt)}`;
}

const BUCKETS: readonly Column<LatestState>[] = [
  { title: 'HEALTH', value: (s) => s.health_status },
  { title: 'PARTICIPANT', value: (s) => s.participant },
  { title: 'POLICY', value: (s) => s.endpoint_id },
  { title: 'LEFT', value: (s) => percentText(s.remaining_percent), right: true },
  { title: 'TOKENS', value: (s) => numberText(s.available_tokens), right: true },
  { title: 'CAPACITY', value: (s) => numberText(s.capacity), right: true },
  { title: 'AGE', value: (s) => durationText(s.age_seconds), right: true },
  { title: 'FULL IN', value: (s) => durationText(s.recovery_eta_seconds), right: true },
  { title: 'EMPTY IN', value: (s) => durationText(s.exhaustion_projection_seconds), right: true },
];
