/**
 * The fast half of a rebuild: from the source's messages to the tables of a version that nobody reads yet.
 *
 * Reading, decoding, folding and encoding of one chunk overlap with the transaction of the one before. Chunks commit
 * with their checkpoint, so a rebuild that was killed goes on where its last commit left it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { PoisonMessageError } from '../codec/errors.ts';
import { foldBatch } from '../consume/foldBatch.ts';
import { bucketOfKey } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Projection } from '../domain/fold.ts';
import type { LogMessage, Position } from '../log/eventLog.ts';
import { loadCheckpoints } from '../store/checkpoints.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database } from '../store/database.ts';
import { allStates } from '../store/foldStates.ts';
import { readHorizon } from '../store/partitions.ts';
import { schemaOf } from '../store/schemas.ts';
import { beginningOf } from './beginnings.ts';
import type { Beginnings } from './beginnings.ts';
import { BulkWriter, ChunkRowsBuilder, loadParticipants } from './bulkWriter.ts';
import type { First } from './bulkWriter.ts';
import { OlderTables } from './olderTables.ts';
import { seedStates } from './seeds.ts';
import type { EventSource } from './source.ts';

export interface FillOptions<E, S, T extends string> {
  readonly database: Database;
  readonly projection: Projection<E, S, T>;
  readonly build: FoldId;
  /** The version that knows what has left the log; `null` when there is none. */
  readonly older: FoldId | null;
  readonly source: EventSource;
  /** How far the source reaches back, by partition. */
  readonly beginnings: Beginnings;
  readonly partitions: number;
  /** @throws {PoisonMessageError} */
  readonly decode: (message: LogMessage) => E | null;
  /** Events after this time are left out; `null` for none. */
  readonly until: EpochMs | null;
  /** Most events per second; `null` for as fast as can be. */
  readonly rate: number | null;
  readonly signal: AbortSignal;
  /** Told how many messages were committed since the last call. */
  readonly onCommitted: (messages: number) => void;
}

export interface FillReport {
  /** Messages read, apart from those that are later than the version ends. */
  readonly events: number;
  /** Messages that can't be decoded: the live processors have set them aside. */
  readonly poison: number;
  /** Rows left out because they are older than the retention horizon. */
  readonly expired: number;
}

/** A filling, in this thread or in another. */
export interface Filling {
  /** Resolves once everything up to the source's end is committed. */
  run(): Promise<void>;
  /** What was committed so far. */
  readonly report: FillReport;
}

/** A chunk while it grows. */
interface Building<S, T extends string> {
  messages: number;
  /** Of them later than the version ends. */
  later: number;
  readonly expected: Map<number, Position | null>;
  readonly next: Map<number, Position>;
  readonly changed: Map<string, S>;
  readonly firsts: Map<string, First>;
  readonly rows: ChunkRowsBuilder<T>;
}

/** Messages of one transaction, at least. Fewer, and commits cost more than rows; more, and memory grows. */
const MIN_CHUNK = 20_000;
const MAX_CHUNK = 100_000;
/** Messages that are folded together. */
const AT_ONCE = 250;

export class Filler<E, S, T extends string> implements Filling {
  readonly #options: FillOptions<E, S, T>;
  readonly #writer: BulkWriter<E, S, T>;
  readonly #states = new Map<string, S>();
  /** When the first event of each participant happened. */
  readonly #participants = new Map<string, EpochMs>();
  readonly #positions = new Map<number, Position | null>();
  /** When the last event of each partition that gave any happened. */
  readonly #times = new Map<number, EpochMs>();
  readonly #startedAt = performance.now();
  #older: OlderTables | null = null;
  #horizon: EpochMs | null = null;
  #pending: Promise<void> = Promise.resolve();
  /** Messages, and of them those that are not later than the version ends. */
  #read = 0;
  #events = 0;
  #poison = 0;
  #expired = 0;

  constructor(options: FillOptions<E, S, T>) {
    this.#options = options;
    this.#writer = new BulkWriter(options.database, options.projection, options.build);
  }

  async run(): Promise<void> {
    const { database, build, partitions, source, projection, signal } = this.#options;
    await this.#writer.prepare();
    for (const [p, at] of await loadCheckpoints(database, build, partitions)) this.#positions.set(p, at);
    for (const [key, state] of await allStates(database, schemaOf(build))) this.#states.set(key, state as S);
    for (const [participant, first] of await loadParticipants(database, schemaOf(build)))
      this.#participants.set(participant, first);
    this.#horizon = await readHorizon(database);
    let chunk = this.#emptyChunk();
    try {
      const after = new Map(this.#positions);
      for await (const messages of source.read({ topic: projection.topic, after, signal })) {
        signal.throwIfAborted();
        // At once and a few at a time, not when the chunk is full: events and rows are garbage while they are young.
        for (let i = 0; i < messages.length; i += AT_ONCE) await this.#fold(messages.slice(i, i + AT_ONCE), chunk);
        if (chunk.messages < this.#chunkSize()) continue;
        await this.#commit(chunk);
        chunk = this.#emptyChunk();
        await this.#throttle();
      }
      if (chunk.messages > 0) await this.#commit(chunk);
      await this.#pending;
      await this.#writer.settled();
    } finally {
      // Whatever ended it: a transaction under way is left to end.
      await this.#pending.catch(() => undefined);
    }
    signal.throwIfAborted();
  }

  get report(): FillReport {
    return { events: this.#events, poison: this.#poison, expired: this.#expired };
  }

  /** Each chunk writes the states of its keys: with many keys it has to be larger to be worth it. */
  #chunkSize(): number {
    const size = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, 4 * this.#states.size));
    return Math.min(size, Math.max(1, this.#options.rate ?? size));
  }

  #emptyChunk(): Building<S, T> {
    const rows = new ChunkRowsBuilder(this.#options.projection.tables);
    return {
      messages: 0,
      later: 0,
      expected: new Map(),
      next: new Map(),
      changed: new Map(),
      firsts: new Map(),
      rows,
    };
  }

  async #commit({ messages, later, rows, ...chunk }: Building<S, T>): Promise<void> {
    this.#options.signal.throwIfAborted();
    const written = { ...chunk, rows: rows.finish(), reached: this.#reached() };
    await this.#pending;
    this.#pending = this.#writer.write(written).then(() => {
      this.#read += messages;
      this.#events += messages - later;
      this.#expired += written.rows.expired;
      this.#options.onCommitted(messages);
    });
    // Its failure is met at the next await; until then it must not count as unhandled.
    this.#pending.catch(() => undefined);
  }

  /** Adds messages to a chunk, with all that follows from them. */
  async #fold(messages: readonly LogMessage[], chunk: Building<S, T>): Promise<void> {
    const { projection, until } = this.#options;
    this.#advance(messages, chunk);
    const events: E[] = [];
    const firsts = new Map<string, First>();
    for (const message of messages) {
      if (until !== null && message.eventTime > until) {
        chunk.later += 1;
        continue;
      }
      const event = this.#decode(message);
      if (event === null) continue;
      events.push(event);
      const key = projection.key(event);
      if (!this.#states.has(key) && !firsts.has(key)) firsts.set(key, this.#first(key, message.eventTime));
    }
    await this.#seed(firsts);
    const { changed, out } = foldBatch(projection, this.#states, events);
    chunk.rows.add(out, this.#horizon);
    chunk.messages += messages.length;
    for (const [key, first] of firsts) chunk.firsts.set(key, first);
    for (const [key, state] of changed) {
      this.#states.set(key, state);
      chunk.changed.set(key, state);
    }
    for (const [partition, position] of chunk.next) this.#positions.set(partition, position);
  }

  /** Months that end before are past, as far as can be told; none are while other partitions are still to come. */
  #reached(): EpochMs {
    return this.#options.source.inTurn ? -Infinity : Math.min(...this.#times.values());
  }

  /** Where the chunk ends in each partition. */
  #advance(messages: readonly LogMessage[], chunk: Building<S, T>): void {
    for (const [i, { partition, position, eventTime }] of messages.entries()) {
      // Of messages of one partition on end the last one counts.
      if (messages[i + 1]?.partition === partition) continue;
      if (!chunk.expected.has(partition)) chunk.expected.set(partition, this.#positions.get(partition) ?? null);
      chunk.next.set(partition, position);
      this.#times.set(partition, eventTime);
    }
  }

  /** What the log says of a key's beginning, at its first event. */
  #first(key: string, time: EpochMs): First {
    const { participant } = bucketOfKey(key);
    const participantFirst = this.#participants.get(participant) ?? time;
    this.#participants.set(participant, participantFirst);
    // What the key had between its participant's oldest event and its own, the log would have.
    const begin = Math.min(time, beginningOf(this.#options.beginnings, participant, participantFirst));
    return { first: time, begin, participantFirst };
  }

  async #seed(firsts: ReadonlyMap<string, First>): Promise<void> {
    const { database, projection, older } = this.#options;
    const begun = new Map(
      [...firsts].flatMap(([key, { begin }]) => (begin === -Infinity ? [] : [[key, begin] as const])),
    );
    if (begun.size === 0 || older === null) return;
    this.#older ??= await OlderTables.read(database, older);
    for (const [key, state] of await seedStates(database, projection, this.#older, begun)) this.#states.set(key, state);
  }

  #decode(message: LogMessage): E | null {
    try {
      return this.#options.decode(message);
    } catch (error) {
      if (!(error instanceof PoisonMessageError)) throw error;
      this.#poison += 1;
      return null;
    }
  }

  async #throttle(): Promise<void> {
    const { rate, signal } = this.#options;
    if (rate === null) return;
    const due = this.#startedAt + (this.#read / rate) * 1000;
    const wait = due - performance.now();
    if (wait > 0) await delay(wait, undefined, { signal });
  }
}
