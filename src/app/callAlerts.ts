/**
 * Alerts about the participant's own calls: judged once a minute, by one process at a time.
 *
 * What is found is read first. Then one transaction holds the round, reads which alerts are open, decides, and writes
 * both the rows and what goes to the alert topic: a process that dies before its end has decided nothing, and one that
 * was overtaken decides nothing. From the outbox the relay takes events to their topic, once.
 */
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { RATE_LIMIT_ALERTS } from '../codec/topics.ts';
import type { OutboxBell } from '../consume/outboxBell.ts';
import { decideCallAlerts } from '../domain/callAlerts.ts';
import type { CallAlertLevels, CallDecision } from '../domain/callAlerts.ts';
import { MINUTE_MS } from '../domain/time.ts';
import { beginCallRound, holdCallRound, openCallAlerts, writeCallAlerts } from '../store/callAlerts.ts';
import type { Database } from '../store/database.ts';
import { outboxParts } from '../store/outbox.ts';
import { runParts } from '../store/parts.ts';
import { CallReadings } from './callReadings.ts';

/** Sums of a day change little in a minute. Milliseconds. */
const EVERY_MS = MINUTE_MS;
/** Processes that look each minute come a little sooner or later. Milliseconds. */
const LEAST_MS = 0.8 * EVERY_MS;

export interface CallAlertsOptions {
  readonly database: Database;
  /** For whoever watches: what is judged is read there. */
  readonly watched: Pick<Database, 'transaction'>;
  readonly levels: CallAlertLevels;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly bell?: OutboxBell;
  readonly clock?: Clock;
  /** A round follows another one, whoever's, so much later at the earliest. Milliseconds. */
  readonly leastMs?: number;
}

export class CallJudge {
  readonly #options: CallAlertsOptions;
  readonly #clock: Clock;
  readonly #readings: CallReadings;

  constructor(options: CallAlertsOptions) {
    const { clock = systemClock, watched, levels, logger } = options;
    this.#options = options;
    this.#clock = clock;
    const onFailed = (err: unknown): void => logger.warn({ err }, 'calls could not be judged: tried again in a minute');
    this.#readings = new CallReadings({ database: watched, levels, now: () => clock.now(), onFailed });
  }

  /** @returns `null`: it was not this process's turn, or it was overtaken */
  async round(signal: AbortSignal): Promise<CallDecision | null> {
    const { database, levels, bell, logger, leastMs = LEAST_MS } = this.#options;
    const round = await beginCallRound(database, leastMs);
    if (round === null) return null;
    const read = await this.#readings.read(signal);
    const decision = await database.transaction(async (tx) => {
      if (!(await holdCallRound(tx, round))) return null;
      const now = this.#clock.now();
      const decided = decideCallAlerts({ ...read, now, levels, open: await openCallAlerts(tx) });
      await writeCallAlerts(tx, decided, now);
      const events = [...decided.resolved, ...decided.raised];
      await runParts(
        tx,
        outboxParts(events.map((event) => ({ topic: RATE_LIMIT_ALERTS.name, ...RATE_LIMIT_ALERTS.encode(event) }))),
      );
      // Ids are of the moment of the decision: it must not be forgotten once it may be on the topic.
      if (events.length > 0) await tx.execute('set local synchronous_commit = on');
      return decided;
    });
    if (decision !== null && decision.raised.length + decision.resolved.length > 0) {
      bell?.of(RATE_LIMIT_ALERTS.name).wake();
      for (const { message } of [...decision.resolved, ...decision.raised]) logger.info({ message }, 'calls judged');
    }
    return decision;
  }
}

/** Resolves once the signal has aborted: what fails is tried again the next minute. */
export async function runCallAlerts(options: CallAlertsOptions, signal: AbortSignal): Promise<void> {
  const { clock = systemClock, logger } = options;
  const judge = new CallJudge(options);
  try {
    while (!signal.aborted) {
      await judge.round(signal).catch((err: unknown) => {
        if (!signal.aborted) logger.warn({ err }, 'calls could not be judged: tried again in a minute');
      });
      await clock.sleep(EVERY_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
