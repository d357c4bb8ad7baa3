/** Everything `balde status` tells, read in one snapshot. */
import { callFigures } from '../analysis/callFigures.ts';
import type { CallFigures } from '../analysis/callFigures.ts';
import { UNKNOWN_REFILL } from '../domain/estimate/refill.ts';
import { recoveryOf } from '../domain/estimate/recovery.ts';
import type { Recovery } from '../domain/estimate/recovery.ts';
import { bucketKey } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import { sampleOfRow } from '../../projections/states/fold.ts';
import { readThresholds } from '../store/settings.ts';
import type { Sql } from '../store/database.ts';
import { fits, keyOf } from '../views/buckets.ts';
import type { BucketFilter } from '../views/buckets.ts';
import { openAlerts } from '../views/alerts.ts';
import type { AlertRow } from '../views/alerts.ts';
import { openCallAlerts } from '../views/callAlerts.ts';
import type { CallAlertRow } from '../views/callAlerts.ts';
import { operations } from '../serve/operations.ts';
import type { Operations } from '../serve/operations.ts';
import { openForecasts } from '../views/forecasts.ts';
import type { OpenForecast } from '../views/forecasts.ts';
import { latestStates } from '../views/latest.ts';
import type { LatestState } from '../views/latest.ts';
import { refills, toRefill } from '../views/refill.ts';
import { foldCheckpoints, standingsOf } from '../app/standing.ts';
import type { FoldStanding } from '../app/standing.ts';
import type { Storage } from '../app/storage.ts';

/** A bucket, and when it will be better. */
export interface BucketStatus extends LatestState {
  readonly recovery: Recovery;
  /** Of 24 hours; `null`: nobody reports calls of it. */
  readonly calls: CallFigures | null;
}

export interface Status extends Operations {
  readonly participants: number;
  /** Buckets known, over all participants. */
  readonly policies: number;
  /** Counted, not estimated. */
  readonly historyRows: number;
  readonly lastObservation: EpochMs | null;
  /** Worst first. */
  readonly states: readonly BucketStatus[];
  /** Open ones. */
  readonly alerts: readonly AlertRow[];
  /** Open ones, the bucket that is empty first at the front. */
  readonly forecasts: readonly OpenForecast[];
  /** Open ones about the participant's own calls, oldest first. */
  readonly callAlerts: readonly CallAlertRow[];
  readonly folds: readonly FoldStanding[];
}

export const HEALTH = ['OK', 'WARNING', 'CRITICAL', 'STALE'] as const;
export type Health = (typeof HEALTH)[number];

export interface StatusFilter extends BucketFilter {
  /** Of buckets their health, of alerts their severity. */
  readonly level?: Health | undefined;
}

/** Buckets, alerts of all kinds and forecasts that fit; the size of history and the folds are those of everything. */
export function narrowed(status: Status, { level, ...filter }: StatusFilter): Status {
  return {
    ...status,
    states: status.states.filter((one) => fits(one, filter) && (level ?? one.health_status) === one.health_status),
    alerts: status.alerts.filter((one) => fits(one, filter) && (level ?? one.severity) === one.severity),
    forecasts: status.forecasts.filter((one) => fits(one, filter)),
    callAlerts: status.callAlerts.filter((one) => fits(one, filter)),
  };
}

export async function readStatus({ database, log }: Pick<Storage, 'database' | 'log'>, now: EpochMs): Promise<Status> {
  const { checkpoints, ...status } = await database.transaction(async (tx) => {
    await tx.execute('set transaction isolation level repeatable read, read only');
    const calls = await callFigures(tx, now);
    const states = (await withRecoveries(tx, await latestStates(tx))).map((state) => ({
      ...state,
      calls: calls.get(keyOf(state)) ?? null,
    }));
    const [counts] = await tx.query<{ history: number; policies: number; participants: number }>(
      `select (select count(*) from dict_rate_limit_states) as history,
         (select count(*) from dict_rate_limit_policies) as policies,
         (select count(distinct participant) from dict_rate_limit_policies) as participants`,
    );
    return {
      ...(await operations(tx, now)),
      participants: counts?.participants ?? 0,
      policies: counts?.policies ?? 0,
      historyRows: counts?.history ?? 0,
      lastObservation: states.length === 0 ? null : Math.max(...states.map((s) => s.response_time)),
      states,
      alerts: await openAlerts(tx),
      forecasts: await openForecasts(tx),
      callAlerts: await openCallAlerts(tx),
      checkpoints: await foldCheckpoints(tx),
    };
  });
  // The log may be slow to answer: no snapshot is held meanwhile.
  return { ...status, folds: await standingsOf(checkpoints, log) };
}

/** Of a revision that kept nothing of refills they are unknown. */
async function withRecoveries(sql: Sql, states: readonly LatestState[]): Promise<Omit<BucketStatus, 'calls'>[]> {
  const { warning_percent: warningPercent } = await readThresholds(sql);
  const known = new Map(
    ((await refills(sql, {})) ?? []).map((row) => [bucketKey({ ...row, policy: row.endpoint_id }), toRefill(row)]),
  );
  return states.map((state) => {
    const reading = { ...sampleOfRow(state), policy: state.endpoint_id };
    const refill = known.get(bucketKey({ ...state, policy: state.endpoint_id })) ?? UNKNOWN_REFILL;
    const ratePerMinute = state.consumption_rate_per_minute;
    return { ...state, recovery: recoveryOf(reading, { refill, ratePerMinute, warningPercent }) };
  });
}
