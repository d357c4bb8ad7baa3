/** From the observations of one poll to the log: ids, messages, and a send that outlasts the log's outages. */
import type { Clock } from '../clock.ts';
import type { Topic } from '../codec/topics.ts';
import type { PolicyStateEvent } from '../domain/events.ts';
import type { EventLog, Producer, SendResult } from '../log/eventLog.ts';
import { messagingAttributes } from '../log/spans.ts';
import { patiently } from '../patience.ts';
import type { Patience } from '../patience.ts';
import { carrying, SpanKind, traced } from '../tracing.ts';
import { LOG_WAITS_MS } from './backoff.ts';
import { since } from './bridgePoll.ts';
import type { Poll } from './bridgePoll.ts';
import type { Report } from './events.ts';
import { assignSequence, idsAbove, ROOM } from './sequence.ts';
import type { StoredPoll } from './sequence.ts';

export interface PublishDeps {
  readonly topic: Topic<PolicyStateEvent>;
  readonly log: Pick<EventLog, 'system'>;
  readonly clock: Clock;
  readonly report: Report;
}

/** The observations of one poll, or its retirements: one response time, in order of policy, at least one. */
type Observations = readonly [PolicyStateEvent, ...PolicyStateEvent[]];

/** One election's worth of publishing: the producer, and what it stored. Used by one caller at a time. */
export interface Publisher {
  /**
   * Stores the observations of one poll, waiting for the log as long as it takes.
   * @throws {ProducerFencedError} another poller took over.
   * @throws the signal's reason or the last failure, if the signal aborts while the log is unavailable. A send under
   *   way is waited for: closing the producer would wait for it as well.
   * @throws {LogError} the log refuses a message; no retry will change that.
   */
  publish(poll: Poll, observations: Observations, signal: AbortSignal): Promise<void>;
}

/** How far ids leap over those that the log turns out to hold, at first: a minute's worth. */
const FIRST_LEAP = 60_000 * ROOM;

export function createPublisher(deps: PublishDeps, producer: Producer): Publisher {
  const { clock, report } = deps;
  // Begins anew with each election: after another poller has published, this one's memory could only mislead.
  let previous: StoredPoll | null = null;
  let highest = -1;
  return {
    publish: async (poll, observations, signal) => {
      const startedAt = clock.now();
      const { participant, pollId } = poll;
      const { responseTime } = observations[0];
      const policies = observations.map((observation) => observation.policy);
      const last = Math.max(highest, producer.lastSequenceId);
      const assigned = assignSequence({ last, responseTime, policies, previous, isRead: poll.policy !== null });
      const stepped = { participant, pollId, responseTime, lastSequenceId: last };
      if (assigned.steppedBack) report('onSteppedBack', stepped);

      const store = async (first: number) => await storeAs(deps, producer, observations, { first, signal });
      let stored = await store(assigned.first);
      // Swallowed though nothing of this poll was sent before: the log holds ids that nobody told this poller of.
      for (let leap = FIRST_LEAP; stored.swallowed && !assigned.repeat; leap *= 2) {
        report('onSteppedBack', stepped);
        stored = await store(idsAbove(stored.first + leap, policies.length));
      }
      const { first, result } = stored;
      if (poll.policy === null) previous = { responseTime, policies, first };
      highest = Math.max(highest, first + policies.length - 1);

      const durationMs = since(clock, startedAt);
      const told = {
        observations: observations.length,
        stored: result.stored,
        firstSequenceId: first,
        durationMs,
      };
      report('onPublished', { participant, pollId, responseTime, ...told });
      const { duplicates } = result;
      if (duplicates > 0) report('onDuplicate', { participant, pollId, responseTime, duplicates });
    },
  };
}

interface Stored {
  readonly first: number;
  readonly result: SendResult;
  /** The log dropped some at the first attempt: not because an earlier attempt had stored them. */
  readonly swallowed: boolean;
}

/** Encoded once: every attempt carries the same bytes under the same ids, and the log drops what it has. */
async function storeAs(
  deps: PublishDeps,
  producer: Producer,
  observations: Observations,
  { first, signal }: { readonly first: number; readonly signal: AbortSignal },
): Promise<Stored> {
  const encoded = observations.map((observation, i) => ({ ...deps.topic.encode(observation), sequenceId: first + i }));
  const { topic, log } = deps;
  const attributes = {
    ...messagingAttributes('send', log, topic.name),
    'messaging.batch.message_count': encoded.length,
  };
  return await traced(`send ${topic.name}`, { kind: SpanKind.PRODUCER, attributes }, async () => {
    const messages = carrying(encoded);
    let attempts = 0;
    const send = async (): Promise<SendResult> => {
      attempts += 1;
      return await producer.send(messages);
    };
    const result = await patiently(logPatience(deps, observations[0].participant, signal), send);
    return { first, result, swallowed: attempts === 1 && result.duplicates > 0 };
  });
}

/** For work with the log: it is waited for as long as it takes. */
export const logPatience = (
  { clock, report }: Pick<PublishDeps, 'clock' | 'report'>,
  participant: string,
  signal: AbortSignal,
): Patience => ({
  ...{ clock, signal, waitsMs: LOG_WAITS_MS },
  retrying: (err, waitMs, failures) => report('onLogUnavailable', { participant, failures, waitMs, err }),
});
