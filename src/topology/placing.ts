/** Whether messages that others publish lie where all of their participant's do. */
import { PoisonMessageError } from '../codec/errors.ts';
import type { Topic } from '../codec/topics.ts';
import type { LogMessage } from '../log/eventLog.ts';
import { partitionOf } from '../log/partitionOf.ts';

/**
 * A client of others chooses partitions by a rule of its own, unless it is told to. Two partitions of one bucket are
 * read side by side, perhaps by two processes, which then don't know what the other has seen. So such a message is set
 * aside; sent again as it came (`balde dead-letters retry`), it goes where it belongs. What lies in a partition that
 * the topic was not made with can't be judged: somebody has added it.
 */
export const placedOnly =
  <E>({ decode, partitions }: Pick<Topic<E>, 'decode' | 'partitions'>) =>
  (message: LogMessage): E | null => {
    const event = decode(message);
    if (event === null || message.partition >= partitions) return event;
    const own = partitionOf(message.key, partitions);
    if (own === message.partition) return event;
    throw new PoisonMessageError(
      `it lies in partition ${message.partition}, and windows of its participant belong into ${own} (FNV-1a of the participant, ` +
        'modulo the partitions: docs/outcomes.md): have its publisher choose that, and send this one again with balde dead-letters retry',
    );
  };
