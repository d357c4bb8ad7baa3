/**
 * The one path from a batch of messages to its commit.
 *
 * Rows, fold states, checkpoint, outbox and dead letters of a batch share one transaction, and all but the rows one
 * statement; the checkpoint moves by compare-and-set. So a batch takes effect once, whatever crashes, is delivered
 * twice, or runs beside another instance.
 */
import { PoisonMessageError } from '../codec/errors.ts';
import type { Fold } from '../domain/fold.ts';
import type { EventLog, LogMessage, Position } from '../log/eventLog.ts';
import { messagingAttributes } from '../log/spans.ts';
import { loadCheckpoint, moveCheckpoints } from '../store/checkpoints.ts';
import { required } from '../required.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database } from '../store/database.ts';
import {
  CheckpointConflictError,
  DatabaseUnavailableError,
  isDatabaseError,
  isMissingPartition,
  isRefusedData,
} from '../store/errors.ts';
import { rememberFirst } from '../store/firstMessages.ts';
import { loadStates, stateParts } from '../store/foldStates.ts';
import { outboxParts } from '../store/outbox.ts';
import type { OutboxMessage } from '../store/outbox.ts';
import { runParts } from '../store/parts.ts';
import type { StatementPart } from '../store/parts.ts';
import { firstVersionOf, schemaOf } from '../store/schemas.ts';
import { createdIn, SpanKind, traced } from '../tracing.ts';
import { deadLetterOf } from './deadLetter.ts';
import type { Effects } from './effects.ts';
import { foldBatch } from './foldBatch.ts';
import type { ConsumeObserver } from './observer.ts';

/** - `committed`: everything up to the batch's end is done. - `conflict`: nothing was; read the positions again. */
export type Outcome = 'committed' | 'conflict';

export interface ProcessorOptions<E, S, O> {
  readonly database: Database;
  readonly fold: Fold<E, S, O>;
  /** The version that is written; by default the first one of the fold's revision. */
  readonly installed?: FoldId;
  /** @returns `null` for an event to be passed over. @throws {PoisonMessageError} */
  readonly decode: (message: LogMessage) => E | null;
  readonly effects: Effects<O>;
  readonly observer: ConsumeObserver;
  /** Whether what can't be used is sent to the dead letters, as by default: of several versions of a fold one does. */
  readonly sendsLetters?: boolean;
  /** States kept in memory at most; above, they are read again. */
  readonly mostCached?: number;
  /** Of the log, for spans. */
  readonly system?: EventLog['system'];
}

interface Decoded<E> {
  readonly events: readonly E[];
  readonly poison: readonly OutboxMessage[];
}

const COMMIT = {
  kind: SpanKind.CLIENT,
  attributes: { 'db.system.name': 'postgresql', 'db.operation.name': 'commit' },
} as const;

/** A thousand participants have thirty thousand keys. */
const MAX_CACHED_STATES = 200_000;

export class Processor<E, S, O> {
  readonly #options: ProcessorOptions<E, S, O>;
  readonly #installed: FoldId;
  readonly #schema: string;
  /** Valid as long as the checkpoint is where this instance left it: a conflict empties it. */
  readonly #states = new Map<string, S>();
  readonly #positions = new Map<number, Position | null>();

  constructor(options: ProcessorOptions<E, S, O>) {
    this.#options = options;
    this.#installed = options.installed ?? firstVersionOf(options.fold);
    this.#schema = schemaOf(this.#installed);
  }

  /** Where to go on in a partition that this instance takes over: its checkpoint, as the database has it now. */
  async resume(partition: number): Promise<Position | null> {
    const position = await loadCheckpoint(this.#options.database, this.#installed, partition);
    // Another instance was here since: what is remembered of the partition's keys is old. To a partition that was
    // added, keys came from others, which other instances may have gone on with.
    if (!this.#positions.has(partition) || position !== this.#positions.get(partition)) this.#forget();
    this.#positions.set(partition, position);
    return position;
  }

  /** Reads the positions again, after a conflict. @returns those of the partitions this instance has read */
  async reload(): Promise<ReadonlyMap<number, Position | null>> {
    this.#forget();
    for (const partition of this.#positions.keys()) await this.resume(partition);
    return this.#positions;
  }

  #forget(): void {
    this.#states.clear();
    this.#options.effects.forget();
  }

  /**
   * Brings a batch to its commit. Messages at or before the checkpoint are repetitions and skipped.
   * @throws {DatabaseUnavailableError} the batch may be tried again as it is
   * @throws whatever else keeps the database from taking any message: nothing was set aside for it
   */
  async process(messages: readonly LogMessage[]): Promise<Outcome> {
    const fresh = messages.filter((message) => message.position > (this.#positions.get(message.partition) ?? ''));
    if (fresh.length === 0) return 'committed';
    try {
      return await this.#attempt(fresh, () => this.#decode(fresh));
    } catch (error) {
      if (!isMessagesFault(error)) throw error;
      return await this.#isolate(fresh, error);
    }
  }

  /** Something in the batch can't be folded or stored: halve it until the culprit stands alone, and set it aside. */
  async #isolate(messages: readonly LogMessage[], error: unknown): Promise<Outcome> {
    const [first] = messages;
    if (messages.length === 1 && first !== undefined) {
      const poison = [deadLetterOf(first, this.#options.fold.name, error)];
      return await this.#attempt(messages, () => ({ events: [], poison }));
    }
    const middle = Math.ceil(messages.length / 2);
    const outcome = await this.process(messages.slice(0, middle));
    return outcome === 'conflict' ? outcome : await this.process(messages.slice(middle));
  }

  async #attempt(messages: readonly LogMessage[], decode: () => Decoded<E>): Promise<Outcome> {
    try {
      await this.#commit(messages, decode());
      return 'committed';
    } catch (error) {
      if (!(error instanceof CheckpointConflictError || isMissingPartition(error))) throw error;
      this.#options.observer.conflict(this.#options.fold.name, (error as Error).message);
      return 'conflict';
    }
  }

  #decode(messages: readonly LogMessage[]): Decoded<E> {
    const events: E[] = [];
    const poison: OutboxMessage[] = [];
    for (const message of messages) {
      try {
        const event = this.#options.decode(message);
        if (event !== null) events.push(event);
      } catch (error) {
        if (!(error instanceof PoisonMessageError)) throw error;
        poison.push(deadLetterOf(message, this.#options.fold.name, error));
      }
    }
    return { events, poison };
  }

  async #commit(messages: readonly LogMessage[], { events, poison }: Decoded<E>): Promise<void> {
    const { fold, effects, observer, sendsLetters = true } = this.#options;
    const start = performance.now();
    await this.#loadMissing(events);
    const { changed, out } = foldBatch(fold, this.#states, events);
    await effects.prepare(out);
    const next = new Map<number, Position>();
    for (const message of messages) next.set(message.partition, message.position);

    const parts = [
      moveCheckpoints(this.#installed, this.#positions, next),
      ...rememberFirst(fold.topic, this.#firsts(messages)),
      ...stateParts(this.#schema, changed),
      ...outboxParts([...this.#created(effects.outbox(out), messages), ...(sendsLetters ? poison : [])]),
    ];
    const expired = await traced(`commit ${this.#schema}`, COMMIT, async () => await this.#write(parts, out));

    effects.committed(out);
    for (const [key, state] of changed) this.#states.set(key, state);
    for (const [partition, position] of next) this.#positions.set(partition, position);
    observer.committed(fold.name, messages.length, (performance.now() - start) / 1000);
    if (expired > 0) observer.expired(fold.name, expired);
    if (sendsLetters) for (const letter of poison) observer.deadLettered(fold.name, ...originOf(letter));
  }

  /** @returns rows left out because they are older than the retention horizon */
  async #write(parts: readonly StatementPart[], out: readonly O[]): Promise<number> {
    const { database, effects } = this.#options;
    const { write } = effects;
    if (write === null) {
      await runParts(database, parts);
      return 0;
    }
    return await database.transaction(async (tx) => {
      await runParts(tx, parts);
      return await write(tx, out);
    });
  }

  /** Each in a span of the trace that its reason came from, which it takes through the outbox to whoever reads it. */
  #created(decided: readonly OutboxMessage[], messages: readonly LogMessage[]): OutboxMessage[] {
    return decided.map((message) => {
      const { topic, key, eventTime, properties } = message;
      const attributes = {
        ...messagingAttributes('create', this.#options, topic),
        'messaging.message.id': properties['event_id'],
        'balde.event.type': properties['event_type'],
      };
      const options = { kind: SpanKind.PRODUCER, attributes };
      const cause = (): LogMessage | undefined =>
        messages.find((one) => one.eventTime === eventTime && one.key === key);
      return createdIn(`create ${topic}`, options, message, cause);
    });
  }

  /** What the batch begins with in partitions that nothing was read of yet. */
  #firsts(messages: readonly LogMessage[]): Map<number, Position> {
    const firsts = new Map<number, Position>();
    for (const { partition, position } of messages) {
      const isFirst = (this.#positions.get(partition) ?? null) === null && !firsts.has(partition);
      if (isFirst) firsts.set(partition, position);
    }
    return firsts;
  }

  async #loadMissing(events: readonly E[]): Promise<void> {
    const { mostCached = MAX_CACHED_STATES } = this.#options;
    if (this.#states.size > mostCached) this.#states.clear();
    const missing = new Set<string>();
    for (const event of events) {
      const key = this.#options.fold.key(event);
      if (!this.#states.has(key)) missing.add(key);
    }
    if (missing.size === 0) return;
    const loaded = await loadStates(this.#options.database, this.#schema, [...missing]);
    for (const [key, state] of loaded) this.#states.set(key, state as S);
  }
}

/** The topic that a letter's message came from, and why it was set aside. */
const originOf = ({ properties }: OutboxMessage): [topic: string, reason: string] => [
  required(properties['source_topic'], 'a letter says where its message came from'),
  required(properties['reason'], 'a letter says why it was set aside'),
];

/**
 * Whether the messages are to blame: the fold threw, or the database refused a value. An outage passes; a missing table
 * or right is nobody's message, and setting messages aside for it would empty the topic into the dead letters.
 */
function isMessagesFault(error: unknown): boolean {
  if (error instanceof DatabaseUnavailableError) return false;
  return isRefusedData(error) || !isDatabaseError(error);
}
