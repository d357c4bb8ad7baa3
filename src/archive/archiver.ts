/** Archives one topic into one target: pull a batch, make it durable, acknowledge, pull the next. */
import { systemClock } from '../clock.ts';
import { PositionLostError } from '../log/eventLog.ts';
import type { Consumer, EventLog, LogMessage, Position } from '../log/eventLog.ts';
import { ArchiveError } from './errors.ts';
import { patiently } from '../patience.ts';
import type { Patience } from '../patience.ts';
import type { ArchiveTarget, TargetName } from './target.ts';

/** What an archiver tells of itself. Every method may be called often and must not throw. */
export interface ArchiveObserver {
  /** A batch is durable. */
  archived(target: TargetName, topic: string, events: number): void;
  /** What is away is tried again in `waitMs`. */
  readonly retrying: (who: string, error: Error, waitMs: number) => void;
}

export interface ArchiverOptions {
  readonly log: EventLog;
  readonly topic: string;
  readonly target: ArchiveTarget;
  readonly observer: ArchiveObserver;
  /** Ends once the archive of every partition given has come so far; without it only the signal ends it. */
  readonly until?: ReadonlyMap<number, Position>;
  /** Most messages of one batch. */
  readonly batchSize?: number;
  /** Shortest time from one small batch to the next: each costs waits for the disk. Milliseconds. */
  readonly paceMs?: number;
}

const BATCH_SIZE = 5_000;
const PACE_MS = 1_000;
const WAIT_MS = 1_000;

/** Resolves once the signal has aborted and the batch under way is durable; rejects on an error that won't pass. */
export async function archive(options: ArchiverOptions, signal: AbortSignal): Promise<void> {
  try {
    await new Archiver(options, signal).run();
  } catch (error) {
    if (!signal.aborted) throw inArchiveWords(error, options.target);
  }
}

class Archiver {
  readonly #options: ArchiverOptions;
  readonly #signal: AbortSignal;
  readonly #who: string;
  readonly #reached = new Map<number, Position>();

  constructor(options: ArchiverOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#who = `archive-${options.target.name}`;
  }

  async run(): Promise<void> {
    const { log, topic, until } = this.#options;
    if (until !== undefined) await this.#refresh();
    const resume = async (partition: number): Promise<Position | null> => await this.#resume(partition);
    const subscription = { name: this.#who, resume };
    const consumer = await this.#patiently(async () => await log.consumer(topic, { subscription }));
    try {
      while (!this.#signal.aborted && !this.#isDone()) await this.#turn(consumer);
    } finally {
      await consumer.close();
    }
  }

  async #turn(consumer: Consumer): Promise<void> {
    const { topic, target, observer, until, batchSize: max = BATCH_SIZE } = this.#options;
    const signal = this.#signal;
    const began = performance.now();
    const messages = await this.#patiently(async () => await consumer.receive({ max, waitMs: WAIT_MS, signal }));
    if (messages.length === 0) {
      // A partition may be in the hands of another archiver, which brings it there.
      if (until !== undefined) await this.#refresh();
      return;
    }
    const events = await this.#patiently(async () => await target.append(topic, messages));
    observer.archived(target.name, topic, events);
    for (const [partition, position] of lastOf(messages)) {
      this.#reached.set(partition, position);
      await this.#patiently(async () => await consumer.acknowledge(partition, position));
    }
    const pause = (this.#options.paceMs ?? PACE_MS) - (performance.now() - began);
    if (until === undefined && messages.length < max && pause > 0) await systemClock.sleep(pause, signal);
  }

  async #resume(partition: number): Promise<Position | null> {
    const { log, topic, target } = this.#options;
    const position = await target.resume(topic, partition);
    if (position === null) return null;
    const end = (await log.ends(topic)).find((one) => one.partition === partition)?.last ?? null;
    if (end !== null && end < position) throw logBehindArchive(topic, partition, position, end, target);
    return position;
  }

  async #refresh(): Promise<void> {
    const { topic, target, until } = this.#options;
    for (const partition of until?.keys() ?? []) {
      const position = await this.#patiently(async () => await target.reached(topic, partition));
      if (position !== null) this.#reached.set(partition, position);
    }
  }

  #isDone(): boolean {
    const { until } = this.#options;
    return until !== undefined && [...until].every(([part, end]) => (this.#reached.get(part) ?? '') >= end);
  }

  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const { observer, topic } = this.#options;
    const who = `${this.#who} ${topic}`;
    return await patiently({ signal: this.#signal, retrying: told(observer, who) }, work);
  }
}

/** @param who who waits, for logs and metrics */
export const told =
  (observer: Pick<ArchiveObserver, 'retrying'>, who: string): Patience['retrying'] =>
  (error, waitMs) =>
    observer.retrying(who, error, waitMs);

const lastOf = (messages: readonly LogMessage[]): Map<number, Position> =>
  new Map(messages.map(({ partition, position }) => [partition, position]));

const NEW_ARCHIVE: Readonly<Record<TargetName, string>> = {
  files:
    'set ARCHIVE_DIR to a new folder, where archiving begins with the oldest message kept; the old folder stays readable',
  eventstore:
    'set EVENTSTORE_URL to an empty EventStoreDB, where archiving begins with the oldest message kept; the old one stays readable',
};

const logBehindArchive = (
  topic: string,
  partition: number,
  position: Position,
  end: Position,
  { name, description }: ArchiveTarget,
): ArchiveError =>
  new ArchiveError(
    `topic ${topic}, partition ${partition}, ends at ${end}, but ${description} has it up to ${position}: the event log was restored from a backup or is another one, and what it gets from now on would be mistaken for what is archived. To go on, ${NEW_ARCHIVE[name]}.`,
  );

function inArchiveWords(error: unknown, { name, description }: ArchiveTarget): unknown {
  if (!(error instanceof PositionLostError)) return error;
  const { topic, partition, position } = error;
  return new ArchiveError(
    `topic ${topic}, partition ${partition}, no longer has the message at ${position}, up to which it is in ${description}: the topic was made anew, or its retention removed messages that were not archived. To go on, ${NEW_ARCHIVE[name]}.`,
    { cause: error },
  );
}
