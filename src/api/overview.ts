/** All buckets of all participants, and how Balde fares. */
import type { EpochMs } from '../domain/events.ts';
import { iso } from '../format.ts';
import type { Sql } from '../store/database.ts';
import { readThresholds } from '../store/settings.ts';
import { recentAlerts } from '../views/alerts.ts';
import type { Sparkline } from '../views/sparklines.ts';
import type { Overview } from './answers.ts';
import type { CallsSummaries } from './calls.ts';
import { pipelineHealth } from './pipeline.ts';
import type { Sources } from './sources.ts';
import { standing } from './standings.ts';
import { keyOf } from '../views/buckets.ts';
import { alertSummary } from './summaries.ts';

/** How many alerts that are over an overview has. */
const CLOSED = 50;

interface Asked extends Pick<Sources, 'rules' | 'lag'> {
  /** `null`: now. */
  readonly at: EpochMs | null;
  readonly now: EpochMs;
  readonly sparklines: ReadonlyMap<string, Sparkline>;
  readonly calls: CallsSummaries;
}

/** In one snapshot: `sql` is a transaction. */
export async function overviewOf(sql: Sql, { at, now, lag, ...asked }: Asked): Promise<Overview> {
  const thresholds = await readThresholds(sql);
  const { buckets, forecasts, openAlerts, newest } = await standing(sql, { ...asked, filter: {}, at });
  const alerts = await recentAlerts(sql, { open: openAlerts, closed: CLOSED, at });
  const told = { now, newest, lag: lag(), staleAfterSeconds: thresholds.stale_after_seconds };
  return {
    as_of: iso(at ?? now),
    is_past: at !== null,
    thresholds,
    buckets,
    alerts: alerts.map((alert) => alertSummary(alert, at)),
    forecasts,
    pipeline: at === null ? await pipelineHealth(sql, told) : null,
  };
}

export const withSparklines = (overview: Overview, lines: ReadonlyMap<string, Sparkline>): Overview => ({
  ...overview,
  buckets: overview.buckets.map((bucket) => ({ ...bucket, sparkline: lines.get(keyOf(bucket)) ?? bucket.sparkline })),
});
