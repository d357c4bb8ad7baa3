/** What the parts tell of themselves, into metrics and logs. */
import type { Logger } from 'pino';
import type { ConsumeObserver } from '../consume/observer.ts';
import type { PollerEvents } from '../poll/events.ts';
import type { Metrics } from '../serve/metrics.ts';

/** Poll events are logged by the poller itself. */
export function pollerMetrics(
  metrics: Metrics,
  tellPublished?: (participant: string, observations: number) => void,
): PollerEvents {
  const polls = (participant: string, outcome: string): void =>
    metrics.count('balde_polls_total', 'Polls by outcome', { participant, outcome });
  return {
    onPolled: ({ participant, durationMs }) => {
      polls(participant, 'ok');
      metrics.observe('poll', durationMs / 1000, participant);
    },
    onPollFailed: ({ participant, status, durationMs }) => {
      polls(participant, status);
      metrics.observe('poll', durationMs / 1000, participant);
    },
    onRejectedAnswer: ({ participant, reason }) => polls(participant, reason),
    onRejectedPolicy: ({ participant, reason }) =>
      metrics.count('balde_rejected_policies_total', 'Policies of an answer not believed', {
        participant,
        reason,
      }),
    onPublished: ({ participant, observations, stored, durationMs }) => {
      tellPublished?.(participant, observations);
      metrics.count(
        'balde_observations_published_total',
        'Observations stored in the log',
        { participant },
        stored,
      );
      metrics.observe('publish', durationMs / 1000, participant);
    },
    onDuplicate: ({ participant, duplicates }) =>
      metrics.count(
        'balde_duplicate_observations_total',
        'Observations the log had already',
        { participant },
        duplicates,
      ),
    onSteppedBack: ({ participant }) =>
      metrics.count('balde_clock_steps_back_total', "Answers whose time was before the last one's", {
        participant,
      }),
  };
}

export function consumeObserver(metrics: Metrics, logger: Logger): ConsumeObserver {
  return {
    committed: (fold, messages, seconds) => {
      metrics.count('balde_messages_processed_total', 'Messages committed by a fold', { fold }, messages);
      metrics.observe('process', seconds);
      logger.debug({ fold, messages, seconds }, 'batch committed');
    },
    deadLettered: (fold, topic, reason) => {
      metrics.count('balde_dead_letters_total', 'Messages no fold could use', { fold, topic });
      logger.error({ fold, topic, reason }, 'message set aside in the dead-letter topic');
    },
    expired: (fold, rows) => {
      metrics.count('balde_expired_rows_total', 'Rows left out: older than retention', { fold }, rows);
      logger.warn({ fold, rows }, 'rows older than the retention window were left out');
    },
    conflict: (fold, message) => {
      metrics.count('balde_checkpoint_conflicts_total', 'Batches undone because another instance was ahead', {
        fold,
      });
      logger.warn({ fold, message }, 'another instance moved the checkpoint: reading the positions again');
    },
    retrying: (who, error, waitMs) => {
      metrics.count('balde_outage_retries_total', 'Steps tried again because database or log were away', {
        who,
      });
      logger.warn({ who, error: error.message, waitMs }, 'database or log unavailable: trying again');
    },
    relayed: (topic, messages, duplicates, seconds) => {
      metrics.count('balde_messages_relayed_total', 'Messages that reached their topic', { topic }, messages);
      metrics.observe('relay', seconds);
      logger.debug({ topic, messages, duplicates, seconds }, 'outbox relayed');
    },
  };
}

/** For a driver that reports in its own way. */
export const silentObserver: ConsumeObserver = {
  committed: () => undefined,
  deadLettered: () => undefined,
  expired: () => undefined,
  conflict: () => undefined,
  retrying: () => undefined,
  relayed: () => undefined,
};
