/** Runs one fold on its topic: pull a batch, bring it to its commit, acknowledge, pull the next. */
import { filter, of } from 'rxjs';
import { run, steps, untilAborted, whileOpen } from '../flow.ts';
import type { Consumer, EventLog, LogMessage, Position } from '../log/eventLog.ts';
import { messagingAttributes } from '../log/spans.ts';
import { patienceOf } from '../patience.ts';
import { joined, SpanKind, traced } from '../tracing.ts';
import { Batches } from './batches.ts';
import type { BatchOptions } from './batches.ts';
import type { ConsumeObserver } from './observer.ts';
import type { Outcome, Processor } from './processor.ts';

export interface ConsumeOptions extends BatchOptions {
  readonly log: EventLog;
  readonly topic: string;
  readonly subscription: string;
  readonly observer: ConsumeObserver;
  /** Called before a partition is taken over: one that it rejects is not. */
  readonly onTakeOver?: (() => Promise<void>) | undefined;
  readonly between?: Between | undefined;
}

/** Work that is done before a batch is received, when the one before is committed. */
export interface Between {
  /** A partition was taken over, or is read again from its checkpoint. */
  taken(partition: number): void;
  /** Something is still to be done: it is asked again soon, also when nothing comes. */
  readonly isWaiting: boolean;
  /** @returns `changed`: fold states have changed in the database, and those in memory are old */
  run(signal: AbortSignal): Promise<'unchanged' | 'changed'>;
}

const NOTHING: Between = {
  taken: () => undefined,
  isWaiting: false,
  run: async () => Promise.resolve('unchanged'),
};

const WAIT_MS = 5_000;
/** While something is to be done between batches. Milliseconds. */
const SHORT_WAIT_MS = 200;

/** Resolves once the signal has aborted and the batch under way is committed; rejects on an error that won't pass. */
export async function consume<E, S, O>(
  processor: Processor<E, S, O>,
  options: ConsumeOptions,
  signal: AbortSignal,
): Promise<void> {
  const { log, topic, subscription, observer, onTakeOver, between = NOTHING } = options;
  const batches = new Batches(options, signal);
  const step = steps(patienceOf(subscription, observer, signal));
  const rewind = async (consumer: Consumer): Promise<void> => {
    for (const [partition, position] of await processor.reload()) {
      between.taken(partition);
      await consumer.seek(partition, position);
    }
  };

  const follow = (consumer: Consumer) =>
    of(between).pipe(
      step(async () => between.run(signal)),
      step(async (outcome) => (outcome === 'changed' ? rewind(consumer) : undefined)),
      step(async () => batches.next(consumer, between.isWaiting ? SHORT_WAIT_MS : WAIT_MS)),
      filter((batch) => batch.length > 0),
      step(async (batch) => ({ batch, outcome: await processed(processor, options, batch) })),
      step(async ({ batch, outcome }) => (outcome === 'conflict' ? rewind(consumer) : acknowledge(consumer, batch))),
      untilAborted(signal),
    );

  const resume = async (partition: number): Promise<Position | null> => {
    batches.resumed(partition);
    await onTakeOver?.();
    between.taken(partition);
    return await processor.resume(partition);
  };
  const onStandby = (): void => observer.office(subscription, 'standby');
  const open = async () => log.consumer(topic, { subscription: { name: subscription, resume, onStandby } });
  await run(of(topic).pipe(step(open), whileOpen(follow)), signal);
}

/** In the trace of the poll that the messages come from; of several polls, in one with a link to each. */
async function processed<E, S, O>(
  processor: Processor<E, S, O>,
  { log, topic, subscription }: ConsumeOptions,
  batch: readonly LogMessage[],
): Promise<Outcome> {
  const attributes = {
    ...messagingAttributes('process', log, topic),
    'messaging.destination.subscription.name': subscription,
    'messaging.batch.message_count': batch.length,
  };
  return await traced(`process ${topic}`, { kind: SpanKind.CONSUMER, attributes, ...joined(batch) }, async (span) => {
    const outcome = await processor.process(batch);
    span.setAttribute('balde.outcome', outcome);
    return outcome;
  });
}

/** The one place that acknowledges: after the commit, and only as far as the batch went. */
async function acknowledge(consumer: Consumer, messages: readonly LogMessage[]): Promise<void> {
  const last = new Map(messages.map((message) => [message.partition, message.position]));
  for (const [partition, position] of last) await consumer.acknowledge(partition, position);
}
