/** Runs the retention compactor at the start and then by its schedule. */
import { Cron } from 'croner';
import type { Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { compact, RetentionIncompleteError } from '../retain/compactor.ts';
import type { Metrics } from '../serve/metrics.ts';
import { count } from './counters.ts';
import { RETAINED_READ_MODELS, TRIMMED_TOPICS } from '../topology/folds.ts';
import type { Storage } from './storage.ts';

export interface RetentionRoleOptions {
  readonly storage: Pick<Storage, 'database' | 'log'>;
  readonly months: number;
  /** Cron expression, UTC. */
  readonly cron: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** After a failure it tries again this soon, however far off the schedule's next time is. Milliseconds. */
const RETRY_MS = 60_000;
/** Longest single sleep: a clock that was set is noticed this soon. Milliseconds. */
const MAX_SLEEP_MS = 60_000;

export async function runRetention(options: RetentionRoleOptions, signal: AbortSignal): Promise<void> {
  const schedule = new Cron(options.cron, { timezone: 'UTC' });
  try {
    while (!signal.aborted) {
      const succeeded = await compactOnce(options);
      let due = succeeded ? next(schedule) : Date.now() + RETRY_MS;
      while (Date.now() < due) {
        await systemClock.sleep(Math.min(due - Date.now(), MAX_SLEEP_MS), signal);
        // A clock that was set back makes a run due that is earlier than the awaited one.
        due = Math.min(due, next(schedule));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const next = (schedule: Cron): number => schedule.nextRun()?.getTime() ?? Infinity;

async function compactOnce({ storage, months, metrics, logger }: RetentionRoleOptions): Promise<boolean> {
  const start = performance.now();
  const outcome = (result: string): void => count(metrics, 'balde_retention_runs_total', { result });
  try {
    const report = await compact({
      ...storage,
      topics: TRIMMED_TOPICS,
      readModels: RETAINED_READ_MODELS,
      months,
      now: Date.now(),
    });
    metrics.observe('retention', (performance.now() - start) / 1000);
    outcome('ok');
    logger.info(report, 'retention compactor ran');
    return true;
  } catch (err) {
    outcome('failed');
    if (err instanceof RetentionIncompleteError) {
      for (const problem of err.problems) logger.error({ problem }, 'a step of retention could not be done');
      logger.error(err.report, 'retention compactor did the other steps, and tries again in a minute');
    } else logger.error({ err }, 'retention compactor failed: it tries again in a minute');
    return false;
  }
}
