/** What the broker says of topics, for those who check or watch them; nothing is changed. */
import { LogError } from '../eventLog.ts';
import { AdminClient, AdminDeniedError } from './admin.ts';
import type { PulsarSettings } from './settings.ts';

interface SubscriptionState {
  /** Messages not acknowledged. Balde leaves the newest of each partition so on purpose. */
  readonly backlog: number;
  /** Consumers connected. */
  readonly consumers: number;
}

export interface TopicState {
  readonly partitions: number;
  /** Partitions that store a message twice when it is sent twice. */
  readonly notDeduplicated: readonly number[];
  /** Names of the producers connected. */
  readonly producers: readonly string[];
  /** Over all partitions. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionState>;
  /** How long messages that were read are kept; −1 for ever, `null` when the role may not know. */
  readonly retentionMinutes: number | null;
  /** Type as the registry writes it (`AVRO`), and definition; `null` when none is registered. */
  readonly schema: { readonly type: string; readonly definition: string } | null;
}

interface Stats {
  readonly deduplicationStatus: string;
  readonly publishers: readonly { readonly producerName: string }[];
  readonly subscriptions: Readonly<
    Record<string, { readonly msgBacklog: number; readonly consumers: readonly unknown[] }>
  >;
}

export class Inspector {
  readonly #admin: AdminClient;
  readonly #namespace: string;

  constructor(settings: PulsarSettings) {
    this.#admin = new AdminClient(settings);
    this.#namespace = `${settings.tenant}/${settings.namespace}`;
  }

  /** @throws {LogError} the REST interface can't be used */
  async version(): Promise<string> {
    return (await this.#admin.request('GET', 'brokers/version')).text;
  }

  /** `null`: it does not exist. @throws {LogError} */
  async topic(name: string): Promise<TopicState | null> {
    const path = `persistent/${this.#namespace}/${name}`;
    const partitions = (await this.#admin.get<{ partitions: number }>(`${path}/partitions`))?.partitions ?? 0;
    if (partitions === 0) return null;
    const stats = await Promise.all(
      Array.from({ length: partitions }, async (_, partition) =>
        this.#admin.get<Stats>(`${path}-partition-${partition}/stats`),
      ),
    );
    return {
      partitions,
      notDeduplicated: [...stats.keys()].filter((i) => stats[i]?.deduplicationStatus !== 'Enabled'),
      producers: [...new Set(stats.flatMap((one) => one?.publishers.map(({ producerName }) => producerName) ?? []))],
      subscriptions: merged(stats),
      retentionMinutes: await this.#retention(path),
      schema: await this.#schema(name),
    };
  }

  /** Whether messages of this schema may follow those there are; `null` when the role may not know. */
  async isCompatible(topic: string, type: string, definition: string): Promise<boolean | null> {
    const body = { type, schema: definition, properties: {} };
    const path = `schemas/${this.#namespace}/${topic}/compatibility`;
    try {
      const reply = await unlessDenied(this.#admin.request('POST', path, body));
      return reply === null ? null : (JSON.parse(reply.text) as { isCompatibility: boolean }).isCompatibility;
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      return false;
    }
  }

  close(): void {
    this.#admin.close();
  }

  async #retention(path: string): Promise<number | null> {
    const reply = await unlessDenied(this.#admin.request('GET', `${path}/retention?applied=true`));
    if (reply === null) return null;
    // No policy: what every subscription has acknowledged may go.
    if (reply.text === '' || reply.status === 404) return 0;
    return (JSON.parse(reply.text) as { retentionTimeInMinutes: number }).retentionTimeInMinutes;
  }

  async #schema(topic: string): Promise<TopicState['schema']> {
    const found = await this.#admin.get<{ type: string; data: string }>(`schemas/${this.#namespace}/${topic}/schema`);
    return found === null ? null : { type: found.type, definition: found.data };
  }
}

function merged(stats: readonly (Stats | null)[]): Map<string, SubscriptionState> {
  const all = new Map<string, SubscriptionState>();
  for (const one of stats) {
    for (const [name, { msgBacklog, consumers }] of Object.entries(one?.subscriptions ?? {})) {
      const before = all.get(name) ?? { backlog: 0, consumers: 0 };
      all.set(name, {
        backlog: before.backlog + msgBacklog,
        consumers: before.consumers + consumers.length,
      });
    }
  }
  return all;
}

async function unlessDenied<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AdminDeniedError) return null;
    throw error;
  }
}
