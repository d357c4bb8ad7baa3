/** What the brokers say of the namespace's topics, through the REST interface. */
import { LogError } from '../eventLog.ts';
import { HeadersTooLargeError } from './admin.ts';
import type { AdminClient } from './admin.ts';
import { Layout } from './layout.ts';
import type { LedgerStats } from './layout.ts';
import { entryFacts, UNDESCRIBED } from './entry.ts';
import type { EntryFacts } from './entry.ts';
import type { MessagePlace } from './position.ts';
import type { PulsarSettings } from './settings.ts';
import { topicUrl } from './settings.ts';

export const topicPath = ({ tenant, namespace }: PulsarSettings, topic: string): string =>
  `persistent/${tenant}/${namespace}/${topic}`;

export class PulsarTopics {
  readonly #admin: AdminClient;
  readonly #settings: PulsarSettings;
  readonly #partitions = new Map<string, number>();

  constructor(admin: AdminClient, settings: PulsarSettings) {
    this.#admin = admin;
    this.#settings = settings;
  }

  /** @throws {LogError} there is no such topic */
  async partitions(topic: string): Promise<number> {
    const known = this.#partitions.get(topic) ?? (await this.existing(topic));
    if (known === null) throw new LogError(`there is no topic ${topicUrl(this.#settings, topic)}: run balde migrate`);
    return known;
  }

  /** Looks again: partitions may have been added. */
  async refreshPartitions(topic: string): Promise<number> {
    this.#partitions.delete(topic);
    return await this.partitions(topic);
  }

  /** The ledgers of one partition: what positions mean. @throws {LogError} the partition does not exist */
  async layout(topic: string, partition: number): Promise<Layout> {
    const path = `${topicPath(this.#settings, topic)}-partition-${partition}`;
    const stats = await this.#admin.get<LedgerStats>(`${path}/internalStats`);
    if (stats === null)
      throw new LogError(
        `partition ${partition} of topic ${topicUrl(this.#settings, topic)} does not exist: run balde migrate`,
      );
    return new Layout(stats);
  }

  /** Names of the producers connected to a partition. */
  async producers(topic: string, partition: number): Promise<readonly string[]> {
    const path = `${topicPath(this.#settings, topic)}-partition-${partition}/stats`;
    const stats = await this.#admin.get<{ publishers: { producerName: string }[] }>(path);
    return stats?.publishers.map(({ producerName }) => producerName) ?? [];
  }

  /** The newest entry, whatever it is; `null` in a partition that is empty. */
  async newestEntry(topic: string, partition: number): Promise<MessagePlace | null> {
    const path = `${topicPath(this.#settings, topic)}-partition-${partition}/lastMessageId`;
    const last = await this.#admin.get<{ ledgerId: number; entryId: number }>(path);
    if (last !== null && last.entryId >= 0) return { ledger: last.ledgerId, entry: last.entryId, batch: -1 };
    // The last ledger was begun just now: the newest message lies in one before.
    return (await this.layout(topic, partition)).newest;
  }

  /** What the broker says of an entry. */
  async entry(topic: string, partition: number, { ledger, entry }: MessagePlace): Promise<EntryFacts> {
    const path = `${topicPath(this.#settings, topic)}-partition-${partition}/ledger/${ledger}/entry/${entry}`;
    try {
      return entryFacts((await this.#admin.request('GET', path)).headers);
    } catch (error) {
      if (error instanceof HeadersTooLargeError) return UNDESCRIBED;
      throw error;
    }
  }

  /** Makes a subscription of one partition that begins with an entry. */
  async subscribeAt(topic: string, partition: number, name: string, at: MessagePlace): Promise<void> {
    const path = `${topicPath(this.#settings, topic)}-partition-${partition}/subscription/${name}`;
    const body = { ledgerId: at.ledger, entryId: Math.max(0, at.entry), partitionIndex: partition };
    await this.#admin.request('PUT', path, body);
  }

  /** Removes the subscriptions for which `isLeftover` holds, by their name, and that have no consumer. */
  async removeLeftovers(topic: string, isLeftover: (name: string) => boolean): Promise<void> {
    for (let partition = 0; partition < (await this.partitions(topic)); partition += 1) {
      const path = `${topicPath(this.#settings, topic)}-partition-${partition}`;
      const stats = await this.#admin.get<{ subscriptions: Record<string, { consumers: unknown[] }> }>(`${path}/stats`);
      for (const [name, { consumers }] of Object.entries(stats?.subscriptions ?? {})) {
        if (isLeftover(name) && consumers.length === 0)
          await this.#admin.request('DELETE', `${path}/subscription/${name}`);
      }
    }
  }

  /** Partitions of the topic; `null`: there is no such topic, or it is not partitioned. */
  async existing(topic: string): Promise<number | null> {
    const found = await this.#admin.get<{ partitions: number }>(`${topicPath(this.#settings, topic)}/partitions`);
    if (found === null || found.partitions === 0) return null;
    this.#partitions.set(topic, found.partitions);
    return found.partitions;
  }
}
