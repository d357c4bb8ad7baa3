/**
 * The archive in EventStoreDB as a source of rebuilds.
 *
 * All streams of a topic are read in the order in which they were stored. Within a batch that is not the order of the
 * log: what is read is held back until the checkpoint of its batch comes, which says how many messages of which range
 * there must be.
 */
import type { LogMessage, Position } from '../../log/eventLog.ts';
import { isAfter } from '../../log/positions.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import type { EventSource, ReadRange } from '../../rebuild/source.ts';
import { parseCheckpoint, readStanding } from './checkpoints.ts';
import type { CheckpointPart } from './checkpoints.ts';
import { Connection } from './connection.ts';
import type { EventStoreAddress } from './connection.ts';
import { describeEventStore } from './eventStoreTarget.ts';
import { checkpointStreamOf, prefixesOf } from './names.ts';
import { fromStore } from './storedEvent.ts';
import type { StoredEvent } from './storedEvent.ts';

export function openEventStoreSource(address: EventStoreAddress): EventSource {
  const connection = new Connection(address);
  return {
    description: describeEventStore(connection),
    inTurn: false,
    read: (range) => readTopic(connection, range),
    count: async (range) => await countEvents(connection, range),
    close: async () => await connection.close(),
  };
}

async function* readTopic(
  connection: Connection,
  { topic, after, signal }: ReadRange,
): AsyncGenerator<readonly LogMessage[]> {
  const batches = new Batches(topic);
  for await (const event of connection.all(prefixesOf(topic), signal)) {
    if (event.stream === checkpointStreamOf(topic)) {
      const messages = batches.end(event).filter(({ partition, position }) => isAfter(position, after.get(partition)));
      if (messages.length > 0) yield messages;
    } else batches.add(event);
  }
  batches.assertBegun();
}

interface HeldEvent {
  readonly message: LogMessage;
  readonly event: StoredEvent;
}

class Batches {
  readonly #topic: string;
  /** By partition: messages read whose batch checkpoint has not arrived yet. */
  readonly #held = new Map<number, HeldEvent[]>();
  readonly #last = new Map<number, Position>();
  #checkpoints = 0n;

  constructor(topic: string) {
    this.#topic = topic;
  }

  add(event: StoredEvent): void {
    const message = decoded(event);
    // A name that begins like that of the topic's streams may be another topic's.
    if (message?.topic !== this.#topic) return;
    const last = this.#last.get(message.partition);
    if (last !== undefined && message.position <= last)
      throw damaged(event, `position ${message.position} does not come after ${last}`);
    const held = this.#held.get(message.partition) ?? [];
    held.push({ message, event });
    this.#held.set(message.partition, held);
  }

  /** The messages of the batch that a checkpoint ends, in order within each partition. */
  end(event: StoredEvent): LogMessage[] {
    const { parts } = parseCheckpoint(event);
    if (event.revision !== this.#checkpoints)
      throw damaged(event, `revision ${this.#checkpoints} is missing before it`);
    this.#checkpoints += 1n;
    return parts.flatMap((part) => this.#take(part, event));
  }

  /** Behind the last checkpoint lies what is not archived yet; but without any nothing is known. */
  assertBegun(): void {
    const [first] = [...this.#held.values()].flat();
    if (this.#checkpoints === 0n && first !== undefined)
      throw damaged(
        first.event,
        `there are events, but stream ${checkpointStreamOf(this.#topic)} is missing, which says how far they are whole`,
      );
  }

  #take({ partition, after, position, events }: CheckpointPart, checkpoint: StoredEvent): LogMessage[] {
    const last = this.#last.get(partition) ?? null;
    if (after !== last)
      throw damaged(
        checkpoint,
        `partition ${partition} goes on after ${after ?? 'nothing'}, not after ${last ?? 'nothing'}`,
      );
    const held = this.#held.get(partition) ?? [];
    const batch = held
      .filter(({ message }) => message.position <= position)
      .sort((a, b) => (a.message.position < b.message.position ? -1 : 1));
    this.#held.set(
      partition,
      held.filter(({ message }) => message.position > position),
    );
    const twice = batch.find(({ message }, i) => message.position === batch[i - 1]?.message.position);
    if (twice !== undefined) throw damaged(twice.event, `position ${twice.message.position} is there twice`);
    if (batch.length !== events || batch.at(-1)?.message.position !== position)
      throw damaged(
        checkpoint,
        `of the ${events} messages of partition ${partition} after ${after ?? 'the beginning'} up to ${position} there are ${batch.length}: streams were deleted or shortened`,
      );
    this.#last.set(partition, position);
    return batch.map(({ message }) => message);
  }
}

/** `null`: no event of the archive. */
function decoded(event: StoredEvent): LogMessage | null {
  const { metadata } = event;
  if (typeof metadata !== 'object' || metadata === null || !('position' in metadata)) return null;
  try {
    return fromStore(event);
  } catch (cause) {
    throw damaged(event, 'the event there is not what was written', cause);
  }
}

const damaged = ({ stream, revision }: StoredEvent, what: string, cause?: unknown): ArchiveDamagedError =>
  new ArchiveDamagedError(`stream ${stream}, revision ${revision}: ${what}`, { cause });

/** `null` where a position lies in between, which would have to be looked for. */
async function countEvents(connection: Connection, { topic, after }: ReadRange): Promise<number | null> {
  const { partitions } = await readStanding(connection, topic);
  let events = 0;
  for (const [partition, standing] of partitions) {
    const from = after.get(partition) ?? null;
    if (from === null) events += standing.events;
    else if (from < standing.position) return null;
  }
  return events;
}
