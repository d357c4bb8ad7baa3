/** Follows a topic from now on without leaving a trace: for people who watch, not for folds. */
import { randomUUID } from 'node:crypto';
import { concatMap, lastValueFrom, tap } from 'rxjs';
import type { EventLog, LogMessage } from '../log/eventLog.ts';
import { once, retryOutage, turns } from './flow.ts';

export interface TailedTopic<E> {
  readonly name: string;
  readonly decode: (message: LogMessage) => E;
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
  const outage = retryOutage<readonly LogMessage[]>('tail', { retrying: () => undefined }, signal);
  const open = once(async () => {
    const consumer = await log.consumer(topic.name, { subscription: `tail-${randomUUID()}` });
    for (const { partition, last } of await log.ends(topic.name)) await consumer.seek(partition, last);
    return consumer;
  });
  const following = open.pipe(
    concatMap((consumer) =>
      turns(
        () =>
          once(async () => await consumer.receive({ max: BATCH, waitMs: WAIT_MS, signal })).pipe(
            outage,
            tap(showAll),
          ),
        signal,
      ),
    ),
  );
  const showAll = (messages: readonly LogMessage[]): void => {
    for (const message of messages) {
      const event = decodeOrSkip(topic, message);
      if (event !== null) show(event);
    }
  };
  await lastValueFrom(following, { defaultValue: undefined }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** The folds set aside what can't be decoded; whoever only watches passes on. */
function decodeOrSkip<E>(topic: TailedTopic<E>, message: LogMessage): E | null {
  try {
    return topic.decode(message);
  } catch {
    return null;
  }
}
