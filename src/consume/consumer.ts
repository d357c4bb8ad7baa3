/** Runs one fold on its topic: pull a batch, bring it to its commit, acknowledge, pull the next. */
import { concatMap, lastValueFrom, of } from 'rxjs';
import type { Observable } from 'rxjs';
import { systemClock } from '../clock.ts';
import type { Consumer, EventLog, LogMessage, Position } from '../log/eventLog.ts';
import { once, retryOutage, turns, usingConsumer } from './flow.ts';
import type { ConsumeObserver } from './observer.ts';
import type { Processor } from './processor.ts';

export interface ConsumeOptions {
  readonly log: EventLog;
  readonly topic: string;
  readonly subscription: string;
  readonly observer: ConsumeObserver;
  /** Most messages of one batch. */
  readonly batchSize?: number;
  /**
   * How long messages may gather once the first of a batch is there, milliseconds. 0, the default, is for what is
   * urgent: a batch costs a transaction however small it is.
   */
  readonly lingerMs?: number;
  /** Called before a partition is taken over: one that it rejects is not. */
  readonly onTakeOver?: () => Promise<void>;
  readonly between?: Between;
}

/** Work that is done before a batch is received, when the one before is committed. */
export interface Between {
  /** A partition was taken over, or is read anew. */
  taken(partition: number): void;
  /** Something is still to be done: it is asked again soon, also when nothing comes. */
  readonly isWaiting: boolean;
  /** @returns `changed`: fold states are others now, and what is remembered of them is old */
  run(signal: AbortSignal): Promise<'unchanged' | 'changed'>;
}

const BATCH_SIZE = 5_000;
const WAIT_MS = 5_000;
/** While something is to be done between batches. Milliseconds. */
const SHORT_WAIT_MS = 200;

/** Resolves once the signal has aborted and the batch under way is committed; rejects on an error that won't pass. */
export async function consume<E, S, O>(
  processor: Processor<E, S, O>,
  options: ConsumeOptions,
  signal: AbortSignal,
): Promise<void> {
  const { log, topic, subscription, observer, between, lingerMs = 0 } = options;
  const outage = <T>() => retryOutage<T>(subscription, observer, signal);
  /** Partitions for which it was decided anew where to go on. */
  const resumed = new Set<number>();
  const waitMs = (): number => (between?.isWaiting === true ? SHORT_WAIT_MS : WAIT_MS);
  const receive = (consumer: Consumer): Observable<readonly LogMessage[]> =>
    once(async () => {
      const max = options.batchSize ?? BATCH_SIZE;
      const first = await consumer.receive({ max, waitMs: waitMs(), signal });
      if (lingerMs === 0 || first.length === 0 || first.length >= max || signal.aborted) return first;
      resumed.clear();
      const more = await moreAfter(consumer, lingerMs, max - first.length, signal);
      // What a partition gave before it was resumed is done, or comes again: it does not follow its checkpoint.
      return [...first.filter(({ partition }) => !resumed.has(partition)), ...more];
    });
  const commit = (consumer: Consumer, messages: readonly LogMessage[]): Observable<unknown> =>
    once(async () => processor.process(messages)).pipe(
      outage(),
      // Tried again by itself: once the positions are read again, the batch no longer follows them.
      concatMap((outcome) =>
        once(async () =>
          outcome === 'conflict' ? rewind(processor, consumer, between) : acknowledge(consumer, messages),
        ).pipe(outage()),
      ),
    );

  const prepare = (consumer: Consumer): Observable<unknown> =>
    once(async () => {
      if ((await between?.run(signal)) === 'changed') await rewind(processor, consumer, between);
    });

  const follow = (consumer: Consumer): Observable<unknown> =>
    turns(
      () =>
        prepare(consumer).pipe(
          outage(),
          concatMap(() => receive(consumer).pipe(outage())),
          concatMap((messages) => (messages.length === 0 ? of(undefined) : commit(consumer, messages))),
        ),
      signal,
    );
  try {
    const resume = async (partition: number): Promise<Position | null> => {
      resumed.add(partition);
      await options.onTakeOver?.();
      between?.taken(partition);
      return await processor.resume(partition);
    };
    const onStandby = (): void => observer.office?.(subscription, 'standby');
    const opening = once(async () => log.consumer(topic, { subscription: { name: subscription, resume, onStandby } }));
    await usingConsumer(await lastValueFrom(opening.pipe(outage())), async (consumer) =>
      lastValueFrom(follow(consumer), { defaultValue: undefined }),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function rewind<E, S, O>(
  processor: Processor<E, S, O>,
  consumer: Consumer,
  between: Between | undefined,
): Promise<void> {
  for (const [partition, position] of await processor.reload()) {
    between?.taken(partition);
    await consumer.seek(partition, position);
  }
}

/** What came while the first part of a batch waited. It is handed out whatever happens to the rest. */
async function moreAfter(
  consumer: Consumer,
  lingerMs: number,
  max: number,
  signal: AbortSignal,
): Promise<readonly LogMessage[]> {
  try {
    await systemClock.sleep(lingerMs, signal);
    return await consumer.receive({ max, waitMs: 0, signal });
  } catch {
    return [];
  }
}

/** The one place that acknowledges: after the commit, and only as far as the batch went. */
async function acknowledge(consumer: Consumer, messages: readonly LogMessage[]): Promise<void> {
  const last = new Map(messages.map((message) => [message.partition, message.position]));
  for (const [partition, position] of last) await consumer.acknowledge(partition, position);
}
