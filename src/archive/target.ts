/** Where events are archived, as the archiver sees it. */
import type { LogMessage, Position } from '../log/eventLog.ts';

export type TargetName = 'files' | 'eventstore';

/** Where the archive of one partition stands. */
export interface PartitionStanding {
  readonly partition: number;
  /** Position of the last message archived; `null` when there is none. */
  readonly last: Position | null;
  /** Messages archived. */
  readonly events: number;
  /** Names of the files, oldest first; none where there are no files. */
  readonly files: readonly string[];
  readonly bytes: number | null;
}

export interface ArchiveTarget {
  readonly name: TargetName;
  /** For people, without secrets. */
  readonly description: string;
  /**
   * Position of the last message of a partition that is archived, read from the archive itself: messages after it are
   * appended next.
   * @throws {ArchiveUnavailableError} trying again is right
   */
  resume(topic: string, partition: number): Promise<Position | null>;
  /** The same, for who only looks. */
  reached(topic: string, partition: number): Promise<Position | null>;
  /**
   * Archives messages, which follow what is archived in each partition; what is there already is passed over. All of
   * them are durable once it resolves. When it rejects some may be: give the same messages again.
   * @returns how many were new
   * @throws {ArchiveUnavailableError} trying again is right
   */
  append(topic: string, messages: readonly LogMessage[]): Promise<number>;
  close(): Promise<void>;
}

export function byPartition(messages: readonly LogMessage[]): Map<number, LogMessage[]> {
  const parts = new Map<number, LogMessage[]>();
  for (const message of messages) {
    const part = parts.get(message.partition);
    if (part === undefined) parts.set(message.partition, [message]);
    else part.push(message);
  }
  return parts;
}
