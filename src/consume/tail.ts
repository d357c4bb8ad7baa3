/** Follows a topic from now on without leaving a trace: for people who watch, not for folds. */
import { concatMap, lastValueFrom, tap } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Consumer, EventLog, LogMessage } from '../log/eventLog.ts';
import { once, retryOutage, turns, usingConsumer } from './flow.ts';

export interface TailedTopic<E> {
  readonly name: string;
  readonly decode: (message: LogMessage) => E | null;
}

const BATCH = 100;
const WAIT_MS = 5_000;

/** Calls `show` for each event published after now, in order per partition; what can't be decoded is skipped. */
export async function tail<E>(
  log: EventLog,
  topic: TailedTopic<E>,
  show: (event: E) => void,
  signal: AbortSignal,
): Promise<void> {
  const outage = <T>() => retryOutage<T>('tail', { retrying: () => undefined }, signal);
  const showAll = (messages: readonly LogMessage[]): void => {
    for (const message of messages) {
      const event = decodeOrSkip(topic, message);
      if (event !== null) show(event);
    }
  };
  const start = async (consumer: Consumer): Promise<void> => {
    for (const { partition, last } of await log.ends(topic.name)) await consumer.seek(partition, last);
  };
  const follow = (consumer: Consumer): Observable<unknown> =>
    once(async () => start(consumer)).pipe(
      outage(),
      concatMap(() =>
        turns(
          () =>
            once(async () => consumer.receive({ max: BATCH, waitMs: WAIT_MS, signal })).pipe(outage(), tap(showAll)),
          signal,
        ),
      ),
    );
  try {
    const opening = once(async () => log.consumer(topic.name, { subscription: null }));
    await usingConsumer(await lastValueFrom(opening.pipe(outage())), async (consumer) =>
      lastValueFrom(follow(consumer), { defaultValue: undefined }),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The folds set aside what can't be decoded; whoever only watches passes on. */
function decodeOrSkip<E>(topic: TailedTopic<E>, message: LogMessage): E | null {
  try {
    return topic.decode(message);
  } catch {
    return null;
  }
}
