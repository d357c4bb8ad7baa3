/** Follows a topic from now on without leaving a trace: for people who watch, not for folds. */
import { concatMap, of, tap } from 'rxjs';
import { run, steps, untilAborted, whileOpen } from '../flow.ts';
import type { Consumer, EventLog, LogMessage } from '../log/eventLog.ts';
import { patienceOf } from '../patience.ts';
import { silentObserver } from './observer.ts';

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
  const step = steps(patienceOf('tail', silentObserver, signal));
  const toEnds = async (consumer: Consumer): Promise<Consumer> => {
    for (const { partition, last } of await log.ends(topic.name)) await consumer.seek(partition, last);
    return consumer;
  };
  const showAll = (messages: readonly LogMessage[]): void => {
    for (const message of messages) {
      const event = decodeOrSkip(topic, message);
      if (event !== null) show(event);
    }
  };
  const follow = (consumer: Consumer) =>
    of(consumer).pipe(
      step(async () => consumer.receive({ max: BATCH, waitMs: WAIT_MS, signal })),
      tap(showAll),
      untilAborted(signal),
    );
  const open = async () => log.consumer(topic.name, { subscription: null });
  const fromEnds = (consumer: Consumer) => of(consumer).pipe(step(toEnds), concatMap(follow));
  await run(of(topic).pipe(step(open), whileOpen(fromEnds)), signal);
}

/** The folds set aside what can't be decoded; someone who only watches passes over it. */
function decodeOrSkip<E>(topic: TailedTopic<E>, message: LogMessage): E | null {
  try {
    return topic.decode(message);
  } catch {
    return null;
  }
}
