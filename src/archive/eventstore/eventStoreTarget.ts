/** The archive in EventStoreDB: a stream per topic and key, and one that says how far each topic is archived. */
import type { LogMessage, Position } from '../../log/eventLog.ts';
import { hasReached, isAfter } from '../../log/positions.ts';
import { ArchiveError, ArchiveUnavailableError } from '../errors.ts';
import { byPartition } from '../target.ts';
import type { ArchiveTarget, PartitionStanding } from '../target.ts';
import { readStanding, writeCheckpoint } from './checkpoints.ts';
import type { CheckpointPart, Standing } from './checkpoints.ts';
import { Connection } from './connection.ts';
import type { EventStoreAddress } from './connection.ts';
import { toStore } from './storedEvent.ts';
import type { EventToStore } from './storedEvent.ts';
import { StreamWriter } from './streamWriter.ts';

/** Appends under way at once. */
const CONCURRENCY = 8;
const MAX_ATTEMPTS = 20;

export const describeEventStore = (connection: Connection): string => `the archive in ${connection.description}`;

export function openEventStoreTarget(address: EventStoreAddress): ArchiveTarget {
  return new EventStoreTarget(new Connection(address));
}

type Batch = ReadonlyMap<number, readonly LogMessage[]>;

class EventStoreTarget implements ArchiveTarget {
  readonly name = 'eventstore';
  readonly description: string;
  readonly #connection: Connection;
  readonly #streams: StreamWriter;
  /** By topic, as last read or written here. */
  readonly #standings = new Map<string, Standing>();
  /** By topic and partition: what the next messages follow. */
  readonly #followed = new Map<string, Position | null>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#streams = new StreamWriter(connection);
    this.description = describeEventStore(connection);
  }

  async resume(topic: string, partition: number): Promise<Position | null> {
    // Another archiver may have written since, and the server may have been restored.
    this.#streams.forget();
    const standing = await this.#read(topic);
    const position = standing.partitions.get(partition)?.position ?? null;
    this.#followed.set(`${topic}/${partition}`, position);
    return position;
  }

  async reached(topic: string, partition: number): Promise<Position | null> {
    return (await this.#read(topic)).partitions.get(partition)?.position ?? null;
  }

  async append(topic: string, messages: readonly LogMessage[]): Promise<number> {
    const batch = byPartition(messages);
    // Each time anew: behind an older checkpoint the streams lack events, and later ones would hide that.
    this.#assertFollows(topic, await this.#read(topic), batch);
    const appended = await this.#appendEvents(messages);
    await this.#moveCheckpoint(topic, batch);
    return appended;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #appendEvents(messages: readonly LogMessage[]): Promise<number> {
    const streams = new Map<string, EventToStore[]>();
    for (const message of messages) {
      const event = toStore(message);
      // A key that moved has messages of two partitions: each is appended by itself.
      const name = `${event.metadata.partition}/${event.stream}`;
      const events = streams.get(name);
      if (events === undefined) streams.set(name, [event]);
      else events.push(event);
    }
    let appended = 0;
    const queue = [...streams.values()];
    const work = async (): Promise<void> => {
      for (let events = queue.pop(); events !== undefined; events = queue.pop()) {
        const added = await this.#streams.append(events);
        appended += added;
      }
    };
    const workers = Array.from({ length: CONCURRENCY }, work);
    const failed = (await Promise.allSettled(workers)).find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      this.#streams.forget();
      throw failed.reason;
    }
    return appended;
  }

  async #moveCheckpoint(topic: string, batch: Batch): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const standing = this.#standings.get(topic) ?? (await this.#read(topic));
      this.#assertFollows(topic, standing, batch);
      const parts = partsAfter(standing, batch);
      const written = parts.length === 0 ? standing : await this.#written(topic, standing, parts);
      if (written !== null) {
        this.#standings.set(topic, written);
        for (const [partition, messages] of batch)
          this.#followed.set(`${topic}/${partition}`, messages.at(-1)?.position ?? null);
        return;
      }
      this.#standings.delete(topic);
    }
    throw new ArchiveUnavailableError(`the checkpoints of ${topic} in ${this.description} move again and again`);
  }

  async #written(topic: string, standing: Standing, parts: readonly CheckpointPart[]): Promise<Standing | null> {
    try {
      return await writeCheckpoint(this.#connection, topic, standing, parts);
    } catch (error) {
      // It may have been written: the next attempt looks.
      this.#standings.delete(topic);
      throw error;
    }
  }

  #assertFollows(topic: string, { partitions }: Standing, batch: Batch): void {
    for (const partition of batch.keys()) {
      const followed = this.#followed.get(`${topic}/${partition}`) ?? null;
      const stands = partitions.get(partition)?.position ?? null;
      if (followed !== null && !hasReached(stands, followed))
        throw new ArchiveError(
          `${this.description} was restored to an earlier state while this process archived into it: start it again, and it goes on from there`,
        );
    }
  }

  async #read(topic: string): Promise<Standing> {
    const standing = await readStanding(this.#connection, topic);
    this.#standings.set(topic, standing);
    return standing;
  }
}

/** What of a batch is behind the checkpoint. */
function partsAfter({ partitions }: Standing, batch: Batch): CheckpointPart[] {
  return [...batch].flatMap(([partition, messages]) => {
    const after = partitions.get(partition)?.position ?? null;
    const pending = messages.filter(({ position }) => isAfter(position, after));
    const last = pending.at(-1);
    return last === undefined ? [] : [{ partition, after, position: last.position, events: pending.length }];
  });
}

/** Where EventStoreDB stands. @throws {ArchiveUnavailableError} */
export async function eventStoreStanding(address: EventStoreAddress, topic: string): Promise<PartitionStanding[]> {
  const connection = new Connection(address);
  try {
    const { partitions } = await readStanding(connection, topic);
    return [...partitions]
      .map(([partition, { position, events }]) => ({
        ...{ partition, last: position, events },
        ...{ files: [], bytes: null },
      }))
      .sort((a, b) => a.partition - b.partition);
  } finally {
    await connection.close();
  }
}
