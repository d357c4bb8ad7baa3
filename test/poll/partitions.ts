/** What a topic's partitions keep: per producer name and partition, only messages above the highest id stored. */
import type { SendResult } from '../../src/log/eventLog.ts';

interface Stored {
  readonly key: string;
  readonly sequenceId: number;
}

export interface Partitions {
  readonly stored: Stored[];
  store(name: string, messages: readonly Stored[]): SendResult;
  /** Highest id of a producer over all partitions, or −1. */
  last(name: string): number;
}

const partitionOf = (key: string, count: number): number =>
  Buffer.from(key).reduce((sum, byte) => (sum * 31 + byte) % 65_521, 7) % count;

export function createPartitions(count: number): Partitions {
  const highest = new Map<string, number>();
  const lasts = new Map<string, number>();
  const stored: Stored[] = [];
  return {
    stored,
    last: (name) => lasts.get(name) ?? -1,
    store: (name, messages) => {
      const before = stored.length;
      for (const message of messages) {
        const place = `${name}/${partitionOf(message.key, count)}`;
        if (message.sequenceId <= (highest.get(place) ?? -1)) continue;
        highest.set(place, message.sequenceId);
        lasts.set(name, Math.max(lasts.get(name) ?? -1, message.sequenceId));
        stored.push(message);
      }
      const added = stored.length - before;
      return { stored: added, duplicates: messages.length - added };
    },
  };
}
