/** Turns what the parts report into metrics and logs. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { ConsumeObserver } from '../consume/observer.ts';
import type { PollerEvents } from '../poll/events.ts';
import { POLL_REASONS } from '../poll/reasons.ts';
import type { Metrics } from '../serve/metrics.ts';
import { archivedTopics } from './archives.ts';
import { beginCounters, count } from './counters.ts';
import type { PollOutcome } from './counters.ts';
import { BATCHES, beginMeasures, BRIDGE_CALLS, COMMITS, forgetBudgets, LAST_POLL, showBudget } from './measures.ts';

interface BeginOptions {
  readonly config: Pick<Config, 'participants' | 'archive' | 'poll'>;
  readonly roles: readonly string[];
}

/** Starts what this process will count and measure at 0. */
export function beginMetrics(metrics: Metrics, { config, roles }: BeginOptions): void {
  const participants = roles.includes('poller') ? config.participants.map((p) => p.participant) : [];
  const archives = roles.includes('archive') ? archivedTopics(config) : [];
  const reasons = POLL_REASONS[config.poll.schedule.kind];
  beginCounters(metrics, { participants, reasons, archives });
  beginMeasures(metrics, { participants });
  for (const participant of participants) {
    metrics.begin('poll', participant);
    metrics.begin('publish', participant);
  }
  for (const operation of ['process', 'relay', 'retention'] as const) metrics.begin(operation);
}

/** Poll events are logged by the poller itself. */
export function pollerMetrics(
  metrics: Metrics,
  tellPublished?: (participant: string, observations: number) => void,
): PollerEvents {
  const polls = (participant: string, outcome: PollOutcome): void =>
    count(metrics, 'balde_polls_total', { participant, outcome });
  return {
    onCall: ({ participant, policy, status, durationMs }) => {
      const labels = {
        participant,
        call: policy === null ? 'list' : 'read',
        result: status === 'OK' ? 'ok' : 'failed',
      };
      metrics.measure(BRIDGE_CALLS, labels, durationMs / 1000);
    },
    onEnded: ({ participant, policy, reason, result, endedAt }) => {
      count(metrics, 'balde_polls_by_reason_total', { participant, reason, result });
      if (result === 'ok' && policy === null) metrics.set(LAST_POLL, { participant }, endedAt / 1000);
    },
    onBudget: (budget) => showBudget(metrics, budget),
    onFenced: ({ participant }) => forgetBudgets(metrics, participant),
    onPolled: ({ participant, accepted, durationMs }) => {
      polls(participant, accepted > 0 ? 'ok' : 'rejected');
      metrics.observe('poll', durationMs / 1000, participant);
    },
    onPollFailed: ({ participant, status, durationMs }) => {
      polls(participant, status);
      metrics.observe('poll', durationMs / 1000, participant);
    },
    onRejectedAnswer: ({ participant, reason }) => polls(participant, reason),
    onRejectedPolicy: ({ participant, reason }) =>
      count(metrics, 'balde_rejected_policies_total', {
        participant,
        reason,
      }),
    onPublished: ({ participant, observations, stored, durationMs }) => {
      tellPublished?.(participant, observations);
      count(metrics, 'balde_observations_published_total', { participant }, stored);
      metrics.observe('publish', durationMs / 1000, participant);
    },
    onDuplicate: ({ participant, duplicates }) =>
      count(metrics, 'balde_duplicate_observations_total', { participant }, duplicates),
    onSteppedBack: ({ participant }) =>
      count(metrics, 'balde_clock_steps_back_total', {
        participant,
      }),
  };
}

const OFFICES = {
  active: 'elected: this process does it',
  standby: 'another process does it: standing by',
} as const;

export function consumeObserver(metrics: Metrics, logger: Logger): ConsumeObserver {
  return {
    started: (who) => count(metrics, 'balde_outage_retries_total', { who }, 0),
    committed: (fold, messages, seconds) => {
      count(metrics, 'balde_messages_processed_total', { fold }, messages);
      metrics.observe('process', seconds);
      metrics.measure(BATCHES, { processor: fold }, messages);
      metrics.measure(COMMITS, { processor: fold }, seconds);
      logger.debug({ fold, messages, seconds }, 'batch committed');
    },
    deadLettered: (fold, topic, reason) => {
      count(metrics, 'balde_dead_letters_total', { fold, topic });
      logger.error({ fold, topic, reason }, 'message set aside in the dead-letter topic');
    },
    expired: (fold, rows) => {
      count(metrics, 'balde_expired_rows_total', { fold }, rows);
      logger.warn({ fold, rows }, 'rows older than the retention window were left out');
    },
    conflict: (fold, message) => {
      count(metrics, 'balde_checkpoint_conflicts_total', {
        fold,
      });
      logger.warn({ fold, message }, 'another instance moved the checkpoint: reading the positions again');
    },
    retrying: (who, error, waitMs) => {
      count(metrics, 'balde_outage_retries_total', {
        who,
      });
      logger.warn({ who, error: error.message, waitMs }, 'database or log unavailable: trying again');
    },
    office: (who, state) => logger.info({ who }, OFFICES[state]),
    superseded: (fold, alerts) =>
      logger.warn({ fold, alerts }, 'alerts were open on their topic that the database does not know: ended them'),
    forgotten: (reason, payers) => {
      count(metrics, 'balde_payers_forgotten_total', { reason }, payers);
      if (reason === 'limit')
        logger.warn({ payers }, 'more payers than PAYERS_LIMIT are not full: those nearest to full count as full');
    },
    idle: (fold, { version, revision }) =>
      logger.warn(
        { fold, version, revision },
        `the version in service is of another revision: run balde rebuild ${fold} with this program`,
      ),
    relayed: (topic, messages, duplicates, seconds) => {
      count(metrics, 'balde_messages_relayed_total', { topic }, messages);
      metrics.observe('relay', seconds);
      logger.debug({ topic, messages, duplicates, seconds }, 'outbox relayed');
    },
  };
}
