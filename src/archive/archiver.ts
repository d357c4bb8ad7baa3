/** Archives one topic into one target: pull a batch, make it durable, acknowledge, pull the next. */
import { defer, filter, of } from 'rxjs';
import type { Observable } from 'rxjs';
import { systemClock } from '../clock.ts';
import { repeatWhile, run, steps, whileOpen } from '../flow.ts';
import { PositionLostError } from '../log/eventLog.ts';
import type { Consumer, EventLog, LogMessage, Position } from '../log/eventLog.ts';
import { patienceOf } from '../patience.ts';
import type { RetryObserver } from '../patience.ts';
import { ArchiveError } from './errors.ts';
import type { ArchiveTarget, TargetName } from './target.ts';

/** Observes archivers, for metrics and logs. Every method may be called often and must not throw. */
export interface ArchiveObserver extends RetryObserver {
  /** A batch is durable. */
  archived(target: TargetName, topic: string, events: number): void;
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
  await run(new Archiver(options, signal).flow(), signal).catch((error: unknown) => {
    throw inArchiveWords(error, options.target);
  });
}

type Batch = readonly LogMessage[];

class Archiver {
  readonly #options: ArchiverOptions;
  readonly #signal: AbortSignal;
  readonly #name: string;
  readonly #step: ReturnType<typeof steps>;
  readonly #reached = new Map<number, Position>();

  constructor(options: ArchiverOptions, signal: AbortSignal) {
    const { target, topic, observer } = options;
    this.#options = options;
    this.#signal = signal;
    this.#name = `archive-${target.name}`;
    this.#step = steps(patienceOf(`${this.#name} ${topic}`, observer, signal));
  }

  flow(): Observable<unknown> {
    const { log, topic } = this.#options;
    const resume = async (partition: number): Promise<Position | null> => await this.#resume(partition);
    const subscription = { name: this.#name, resume };
    return of(topic).pipe(
      this.#step(async () => this.#refresh()),
      this.#step(async () => log.consumer(topic, { subscription })),
      whileOpen((consumer) => this.#follow(consumer)),
    );
  }

  #follow(consumer: Consumer): Observable<unknown> {
    const turn = (startedAt: number) =>
      of(consumer).pipe(
        this.#step(async () => this.#receive(consumer)),
        // Nothing comes, perhaps because another archiver has the partition and brings it to its end.
        this.#step(async (batch) => (batch.length === 0 ? this.#refresh() : this.#append(batch))),
        filter((batch) => batch !== undefined),
        this.#step(async (batch) => this.#acknowledge(consumer, batch)),
        this.#step(async (batch) => this.#pause(startedAt, batch)),
      );
    return defer(() => turn(performance.now())).pipe(repeatWhile(() => !this.#signal.aborted && !this.#isDone()));
  }

  async #receive(consumer: Consumer): Promise<Batch> {
    const { batchSize: max = BATCH_SIZE } = this.#options;
    return await consumer.receive({ max, waitMs: WAIT_MS, signal: this.#signal });
  }

  async #append(batch: Batch): Promise<Batch> {
    const { topic, target, observer } = this.#options;
    observer.archived(target.name, topic, await target.append(topic, batch));
    return batch;
  }

  async #acknowledge(consumer: Consumer, batch: Batch): Promise<Batch> {
    for (const [partition, position] of lastOf(batch)) {
      this.#reached.set(partition, position);
      await consumer.acknowledge(partition, position);
    }
    return batch;
  }

  /** Lets a small batch become a larger one next time. */
  async #pause(startedAt: number, { length }: Batch): Promise<void> {
    const { until, batchSize = BATCH_SIZE, paceMs = PACE_MS } = this.#options;
    const left = paceMs - (performance.now() - startedAt);
    if (until === undefined && length < batchSize && left > 0) await systemClock.sleep(left, this.#signal);
  }

  async #resume(partition: number): Promise<Position | null> {
    const { log, topic, target } = this.#options;
    const position = await target.resume(topic, partition);
    if (position === null) return null;
    const end = (await log.ends(topic)).find((one) => one.partition === partition)?.last ?? null;
    if (end !== null && end < position) throw logBehindArchive(topic, partition, position, end, target);
    return position;
  }

  async #refresh(): Promise<undefined> {
    const { topic, target, until } = this.#options;
    if (until === undefined) return;
    for (const partition of until.keys()) {
      const position = await target.reached(topic, partition);
      if (position !== null) this.#reached.set(partition, position);
    }
  }

  #isDone(): boolean {
    const { until } = this.#options;
    const isReached = ([partition, end]: [number, Position]): boolean => {
      const position = this.#reached.get(partition);
      return position !== undefined && position >= end;
    };
    return until !== undefined && [...until].every(isReached);
  }
}

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
