/** The status as text and as JSON. */
import type { CallFigures } from '../../analysis/callFigures.ts';
import { callsJson } from '../../api/callForms.ts';
import type { Status } from '../../operate/status.ts';
import type { FoldStanding } from '../../app/standing.ts';
import type { LatestState } from '../../views/latest.ts';
import type { AlertRow } from '../../views/alerts.ts';
import { isTold } from '../../domain/notFoundRate.ts';
import { alertJson, shortId } from './alerts.ts';
import { callAlertJson } from './callAlerts.ts';
import { callsText } from './calls.ts';
import { recoveryJson } from './recovery.ts';
import { table } from './table.ts';
import { durationText, iso, numbered, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from './table.ts';

export function statusJson(status: Status) {
  return {
    participants: status.participants,
    policies: status.policies,
    history_rows: status.historyRows,
    last_observation: iso(status.lastObservation),
    open_alerts: status.alerts.length,
    outbox: status.outbox,
    months_ahead: status.monthsAhead,
    horizon: iso(status.horizon),
    states: status.states.map(({ recovery, calls, ...state }) => ({
      ...state,
      response_time: iso(state.response_time),
      error_404_rate: rateAsMetric(calls),
      calls: calls === null ? null : callsJson(calls),
      recovery: recoveryJson(recovery),
    })),
    alerts: status.alerts.map(alertJson),
    forecasts: status.forecasts.map((forecast) => ({ ...forecast, created_at: iso(forecast.created_at) })),
    call_alerts: status.callAlerts.map(callAlertJson),
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

/** Of fewer queries it says little. */
const rateAsMetric = (calls: CallFigures | null): number | null =>
  calls === null || calls.rate === null || !isTold(calls.rate) ? null : calls.rate.error_404_rate;

const counted = (n: number, one: string, many: string): string => `${numberText(n)} ${n === 1 ? one : many}`;

/** @param where which storage it is of */
export function statusText({ status, where }: { readonly status: Status; readonly where: string }): string[] {
  const { alerts, forecasts, callAlerts, states } = status;
  return [
    where,
    `history   ${numberText(status.historyRows)} observations of ${counted(status.policies, 'policy', 'policies')}, ${counted(status.participants, 'participant', 'participants')}; newest ${timeText(status.lastObservation)}`,
    `kept      ${status.horizon === null ? 'everything so far' : `from ${timeText(status.horizon)} on`}; ${status.monthsAhead ?? 0} months prepared ahead`,
    `outbox    ${numberText(status.outbox)} waiting`,
    ...status.folds.map((fold) => `processor ${processorText(fold)}`),
    '',
    ...(states.length === 0
      ? [status.lastObservation === null ? 'no observation yet' : 'no bucket like that']
      : table(BUCKETS, states)),
    '',
    alerts.length === 0 ? 'no open alert' : `${alerts.length} open:`,
    ...alerts.map(announcement),
    ...(forecasts.length === 0
      ? []
      : ['', `${numbered(forecasts.length, 'forecast')}:`, ...forecasts.map(announcement)]),
    ...(callAlerts.length === 0 ? [] : ['', 'alerts about calls:', ...callAlerts.map(announcement)]),
    ...callsText(states.map((state) => ({ ...state, calls: state.calls === null ? null : callsJson(state.calls) }))),
  ];
}

const announcement = ({ id, created_at: at, message }: Announced): string =>
  `  ${shortId(id)}  ${timeText(at)}  ${message}`;

type Announced = Pick<AlertRow, 'id' | 'created_at' | 'message'>;

function processorText(fold: FoldStanding): string {
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
