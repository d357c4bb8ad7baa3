/**
 * How far a topic is archived, kept in EventStoreDB itself: one stream per topic, to which an event is appended after
 * the events of each batch. What is behind the last one is not archived yet, whatever of it is there.
 */
import { v5 } from 'uuid';
import { z } from 'zod';
import type { Position } from '../../log/eventLog.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import type { Connection } from './connection.ts';
import { checkpointStreamOf } from './names.ts';
import type { StoredEvent } from './storedEvent.ts';

const CHECKPOINT_ID_NAMESPACE = '5a0c51e0-4f0b-5d6e-9a4f-ba1de0000003';
const CHECKPOINT_TYPE = 'ArchivedUpTo';

const checkpointSchema = z.object({
  /** The batch, by partition. */
  parts: z.array(
    z.object({
      partition: z.number(),
      /** Where the partition stood before. */
      after: z.string().nullable(),
      /** Where it stands now. */
      position: z.string(),
      /** Messages in between. */
      events: z.number(),
    }),
  ),
  /** Every partition that was begun, after the batch. */
  standing: z.record(z.string(), z.object({ position: z.string(), events: z.number() })),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;
export type CheckpointPart = Checkpoint['parts'][number];

export interface Standing {
  /** Of the last checkpoint; −1 when there is none. */
  readonly revision: bigint;
  readonly partitions: ReadonlyMap<number, { readonly position: Position; readonly events: number }>;
}

/** @throws {ArchiveDamagedError} it is no checkpoint */
export function parseCheckpoint(event: StoredEvent): Checkpoint {
  const parsed = checkpointSchema.safeParse(event.data);
  if (event.type === CHECKPOINT_TYPE && parsed.success) return parsed.data;
  throw new ArchiveDamagedError(`stream ${event.stream}, revision ${event.revision}, is no checkpoint of the archive`, {
    cause: parsed.error,
  });
}

export async function readStanding(connection: Connection, topic: string): Promise<Standing> {
  const [last] = await connection.newest(checkpointStreamOf(topic), 1);
  if (last === undefined) return { revision: -1n, partitions: new Map() };
  const { standing } = parseCheckpoint(last);
  const partitions = Object.entries(standing).map(([partition, at]) => [Number(partition), at] as const);
  return { revision: last.revision, partitions: new Map(partitions) };
}

/** @returns where the topic stands now, or `null` when another archiver wrote a checkpoint meanwhile */
export async function writeCheckpoint(
  connection: Connection,
  topic: string,
  { revision, partitions }: Standing,
  parts: readonly CheckpointPart[],
): Promise<Standing | null> {
  const next = new Map(partitions);
  for (const { partition, position, events } of parts)
    next.set(partition, { position, events: (next.get(partition)?.events ?? 0) + events });
  const standing = Object.fromEntries([...next].map(([partition, at]) => [String(partition), at]));
  const data: Checkpoint = { parts: [...parts], standing };
  const id = v5(`${topic}|${revision}|${JSON.stringify(data)}`, CHECKPOINT_ID_NAMESPACE);
  const appended = await connection.append(checkpointStreamOf(topic), [{ id, type: CHECKPOINT_TYPE, data }], revision);
  return appended ? { revision: revision + 1n, partitions: next } : null;
}
