/** Producer of the embedded log. Sends that wait behind one another go out together, as one transaction. */
import { inChunks } from '../../chunks.ts';
import { required } from '../../required.ts';
import { YEAR_10000 } from '../../domain/time.ts';
import type { Database } from '../../store/database.ts';
import { hasSqlState } from '../../store/errors.ts';
import { LogError, ProducerFencedError } from '../eventLog.ts';
import type { OutgoingMessage, Producer, SendResult } from '../eventLog.ts';
import { partitionOf } from '../partitionOf.ts';
import type { Lease, Leases } from '../../store/leases.ts';
import type { EmbeddedTopic } from './topics.ts';
import { toLogError } from './translate.ts';

interface PendingSend {
  readonly messages: readonly OutgoingMessage[];
  readonly resolve: (result: SendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Most messages of one transaction; one larger send still goes whole. */
const GROUP = 5_000;
/** Most bytes of payload in one statement, which carries them twice as long: a larger send is stored in parts. */
const STATEMENT = { items: Infinity, size: 8 * 1024 * 1024 } as const;
/** Raised by `balde_log.append` when the producer's lease has a newer holder. */
const FENCED = 'BA001';

export class EmbeddedProducer implements Producer {
  readonly topic: string;
  readonly #database: Database;
  readonly #leases: Leases;
  readonly #spec: { readonly topic: EmbeddedTopic; readonly name: string; readonly lease: Lease | null };
  readonly #onClose: () => void;
  readonly #pending: PendingSend[] = [];
  readonly #partitions = new Map<string, number>();
  #lastSequenceId: number;
  #flushing: Promise<void> | null = null;
  #closed = false;

  constructor(
    database: Database,
    leases: Leases,
    spec: { topic: EmbeddedTopic; name: string; lease: Lease | null; lastSequenceId: number },
    onClose: () => void,
  ) {
    this.#onClose = onClose;
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
    if (this.#closed) throw new LogError(`producer ${this.#spec.name} is closed`);
    for (const message of messages) assertStorable(message);
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
    this.#onClose();
  }

  async #flush(): Promise<void> {
    // Lets sends of the same turn join the first group.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const group = this.#takeGroup();
      try {
        this.#settle(group, await this.#store(group.flatMap((send) => send.messages)));
      } catch (error) {
        // Those that wait behind must not overtake: sent again, these would be below the last id stored, and dropped.
        const reason = this.#explain(error);
        for (const send of [...group, ...this.#pending.splice(0)]) send.reject(reason);
      }
    }
    this.#flushing = null;
  }

  #takeGroup(): PendingSend[] {
    let size = 0;
    let bytes = 0;
    let count = 0;
    for (const send of this.#pending) {
      size += send.messages.length;
      bytes += sum(send.messages.map((message) => message.payload.length));
      if (count > 0 && (size > GROUP || bytes > STATEMENT.size)) break;
      count += 1;
    }
    return this.#pending.splice(0, count);
  }

  /** Ordinals (from 0) of the messages dropped as duplicates. */
  async #store(messages: readonly OutgoingMessage[]): Promise<ReadonlySet<number>> {
    const dropped = new Set<number>();
    let from = 0;
    for (const part of inChunks(messages, STATEMENT, ({ payload }) => payload.length)) {
      for (const ordinal of await this.#append(part)) dropped.add(from + ordinal);
      from += part.length;
    }
    return dropped;
  }

  /** Ordinals (from 0) of the messages dropped as duplicates. */
  async #append(messages: readonly OutgoingMessage[]): Promise<readonly number[]> {
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
    return required(row, 'a function that is selected gives one row').duplicates.map((ordinal) => ordinal - 1);
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

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** What Postgres can't hold is refused before it can take other sends of its group along. @throws {LogError} */
function assertStorable({ key, properties, eventTime, sequenceId }: OutgoingMessage): void {
  if (!Number.isSafeInteger(sequenceId) || sequenceId < 0) throw new LogError(`sequence id ${sequenceId}`);
  if (!(eventTime >= 0 && eventTime < YEAR_10000)) throw new LogError(`event time ${eventTime}`);
  for (const text of [key, ...Object.entries(properties).flat()]) {
    if (/\0|\p{Surrogate}/u.test(text)) throw new LogError(`text that can't be stored: ${JSON.stringify(text)}`);
  }
}
