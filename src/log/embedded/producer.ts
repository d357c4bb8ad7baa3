/** Producer of the embedded log. Sends that wait behind one another go out together, as one transaction. */
import type { Database } from '../../store/database.ts';
import { hasSqlState } from '../../store/errors.ts';
import { ProducerFencedError } from '../eventLog.ts';
import type { OutgoingMessage, Producer, SendResult } from '../eventLog.ts';
import type { Lease, Leases } from './leases.ts';
import { partitionOf } from './topics.ts';
import type { Topic } from './topics.ts';
import { toLogError } from './translate.ts';

interface PendingSend {
  readonly messages: readonly OutgoingMessage[];
  readonly resolve: (result: SendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Most messages of one transaction; one larger send still goes whole. */
const GROUP = 5_000;
/** Raised by `balde_log.append` when the producer's lease has a newer holder. */
const FENCED = 'BA001';

export class EmbeddedProducer implements Producer {
  readonly topic: string;
  readonly #database: Database;
  readonly #leases: Leases;
  readonly #spec: { readonly topic: Topic; readonly name: string; readonly lease: Lease | null };
  readonly #pending: PendingSend[] = [];
  readonly #partitions = new Map<string, number>();
  #lastSequenceId: number;
  #flushing: Promise<void> | null = null;
  #closed = false;

  constructor(
    database: Database,
    leases: Leases,
    spec: { topic: Topic; name: string; lease: Lease | null; lastSequenceId: number },
  ) {
    this.#database = database;
    this.#leases = leases;
    this.#spec = spec;
    this.topic = spec.topic.name;
    this.#lastSequenceId = spec.lastSequenceId;
  }

  get lastSequenceId(): number {
    return this.#lastSequenceId;
  }

  async send(messages: readonly OutgoingMessage[]): Promise<SendResult> {
    if (this.#closed) throw new ProducerFencedError(`producer ${this.#spec.name} is closed`);
    if (messages.length === 0) return { stored: 0, duplicates: 0 };
    return await new Promise<SendResult>((resolve, reject) => {
      this.#pending.push({ messages, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    if (this.#spec.lease !== null) await this.#leases.release(this.#spec.lease);
  }

  async #flush(): Promise<void> {
    // Lets sends of the same turn join the first group.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const group = this.#takeGroup();
      try {
        this.#settle(group, await this.#append(group.flatMap((send) => send.messages)));
      } catch (error) {
        for (const send of group) send.reject(this.#explain(error));
      }
    }
    this.#flushing = null;
  }

  #takeGroup(): PendingSend[] {
    let size = 0;
    let count = 0;
    for (const send of this.#pending) {
      if (count > 0 && size + send.messages.length > GROUP) break;
      size += send.messages.length;
      count += 1;
    }
    return this.#pending.splice(0, count);
  }

  /** Ordinals (from 0) of the messages dropped as duplicates. */
  async #append(messages: readonly OutgoingMessage[]): Promise<ReadonlySet<number>> {
    const { topic, name, lease } = this.#spec;
    const [row] = await this.#database.query<{ duplicates: number[] }>(
      `select balde_log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as duplicates`,
      [
        topic.id,
        name,
        lease?.name ?? null,
        lease?.epoch ?? null,
        messages.map((m) => this.#partition(m.key)),
        messages.map((m) => m.sequenceId),
        messages.map((m) => m.key),
        messages.map((m) => new Date(m.eventTime).toISOString()),
        messages.map((m) => JSON.stringify(m.properties)),
        messages.map((m) => m.payload),
      ],
    );
    return new Set(row?.duplicates.map((ordinal) => ordinal - 1));
  }

  #settle(group: readonly PendingSend[], dropped: ReadonlySet<number>): void {
    let ordinal = 0;
    for (const send of group) {
      let duplicates = 0;
      for (const message of send.messages) {
        if (dropped.has(ordinal)) duplicates += 1;
        this.#lastSequenceId = Math.max(this.#lastSequenceId, message.sequenceId);
        ordinal += 1;
      }
      send.resolve({ stored: send.messages.length - duplicates, duplicates });
    }
  }

  #partition(key: string): number {
    let partition = this.#partitions.get(key);
    if (partition === undefined) {
      partition = partitionOf(key, this.#spec.topic.partitions);
      this.#partitions.set(key, partition);
    }
    return partition;
  }

  #explain(error: unknown): unknown {
    if (hasSqlState(error, FENCED)) {
      return new ProducerFencedError(`another producer took the name ${this.#spec.name} over`, {
        cause: error,
      });
    }
    return toLogError(error);
  }
}
