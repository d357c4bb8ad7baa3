/** Where a rebuild reads from: the event log, or an archive of it. */
import { OperatorError } from '../errors.ts';
import type { LogMessage, Position } from '../log/eventLog.ts';

/** Position per partition up to which everything was read; a partition that is missing or `null` has not been begun. */
export type ReadPositions = ReadonlyMap<number, Position | null>;

export interface ReadRange {
  readonly topic: string;
  readonly after: ReadPositions;
  readonly signal: AbortSignal;
}

/**
 * Gives the messages of a topic again. Partitions and positions are those of the event log, whatever the source: where
 * an archive ends, the log goes on.
 */
export interface EventSource {
  /** For people, without secrets: `the archive in /var/lib/balde/archive`. */
  readonly description: string;
  /** Whether it gives one partition after the other, rather than all side by side. */
  readonly inTurn: boolean;
  /** Whether it is the event log itself. */
  readonly isLog?: boolean;
  /**
   * Messages after the given positions, up to where the source ended when it was asked. In batches of some thousand, of
   * all partitions, in the order of their positions within each partition; the next batch is read when this one was
   * taken, so memory stays flat. @throws {ArchiveDamagedError} what is read is not what was written
   */
  read(range: ReadRange): AsyncIterable<readonly LogMessage[]>;
  /** Messages that `read` would give; `null` when that can't be told cheaply. */
  count(range: ReadRange): Promise<number | null>;
  close(): Promise<void>;
}

/** An archive can't be trusted. The message names the file or stream and the place in it. */
export class ArchiveDamagedError extends OperatorError {
  override readonly name = 'ArchiveDamagedError';
}
