/** Where the folds stand in each partition, and how they are made to begin anew. */
import type { EpochMs } from '../domain/events.ts';
import { isLogError, PositionLostError } from '../log/eventLog.ts';
import type { EventLog, Position } from '../log/eventLog.ts';
import { listCheckpoints, resetCheckpoints } from '../store/checkpoints.ts';
import type { CheckpointRow } from '../store/checkpoints.ts';
import { FOLDS } from '../topology/folds.ts';
import { foldCheckpoints } from '../app/standing.ts';
import type { FoldCheckpoint } from '../app/standing.ts';
import { UsageError } from '../errors.ts';
import type { Storage } from '../app/storage.ts';

export interface Checkpoint extends Pick<FoldCheckpoint, 'fold' | 'version' | 'served' | 'topic'> {
  readonly partition: number;
  /** `null`: goes on with the oldest message kept. */
  readonly position: Position | null;
  readonly movedAt: EpochMs | null;
  /** Messages after it; `null` when the log can't tell. */
  readonly behind: number | null;
  /** Why a processor could not go on from here. */
  readonly problem: string | null;
}

/** Every partition of every installed version of every fold. What the log can't tell stands in `problem`. */
export async function readCheckpoints({ database, log }: Pick<Storage, 'database' | 'log'>): Promise<Checkpoint[]> {
  const rows = new Map(
    (await listCheckpoints(database)).map((row) => [`${row.fold} ${row.version} ${row.partition}`, row]),
  );
  const found: Checkpoint[] = [];
  for (const { fold, version, served, topic, positions } of await foldCheckpoints(database)) {
    const partitions = await partitionsOf(log, topic, positions);
    const problems = await problemsOf(log, topic, positions);
    for (const partition of partitions) {
      const position = positions.get(partition) ?? null;
      const row = rows.get(`${fold} ${version} ${partition}`);
      found.push({
        ...{ fold, version, served, topic, partition, position },
        movedAt: row?.movedAt ?? null,
        behind: await behind(log, topic, partition, position),
        problem: problems.get(partition) ?? null,
      });
    }
  }
  return found;
}

type Positions = ReadonlyMap<number, Position>;

/** Of a topic that is not there, the partitions that were read. */
async function partitionsOf(log: EventLog, topic: string, positions: Positions): Promise<number[]> {
  const known = await log.partitions(topic).catch(passLogErrors(0));
  const count = Math.max(known, ...[...positions.keys()].map((partition) => partition + 1));
  return Array.from({ length: count }, (_, partition) => partition);
}

async function behind(
  log: EventLog,
  topic: string,
  partition: number,
  position: Position | null,
): Promise<number | null> {
  const counting = log.behind(topic, new Map([[partition, position]]));
  return (await counting.catch(passLogErrors(null)))?.get(partition) ?? null;
}

/** By partition, why its position is none to go on from: asked by going there. */
async function problemsOf(log: EventLog, topic: string, positions: Positions): Promise<ReadonlyMap<number, string>> {
  const problems = new Map<number, string>();
  const note = (partition: number, error: unknown): void => {
    if (!isLogError(error)) throw error;
    const isLost = error instanceof PositionLostError;
    problems.set(partition, isLost ? 'the topic no longer has this message' : error.message);
  };
  if (positions.size === 0) return problems;
  const opening = log.consumer(topic, { subscription: null });
  const consumer = await opening.catch((error: unknown) => {
    for (const partition of positions.keys()) note(partition, error);
    return null;
  });
  if (consumer === null) return problems;
  try {
    for (const [partition, position] of positions) {
      await consumer.seek(partition, position).catch((error: unknown) => note(partition, error));
    }
  } finally {
    await consumer.close();
  }
  return problems;
}

const passLogErrors =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (isLogError(error)) return instead;
    throw error;
  };

export interface ResetQuery {
  readonly topic: string;
  readonly fold?: string | undefined;
  readonly partition?: number | undefined;
}

/** Which checkpoints a reset would set back: those with a position. @throws {UsageError} no fold reads that */
export async function resettable({ database }: Pick<Storage, 'database'>, query: ResetQuery): Promise<CheckpointRow[]> {
  const folds = foldsOf(query);
  return (await listCheckpoints(database)).filter(
    ({ fold, partition, position }) =>
      folds.includes(fold) && position !== null && partition === (query.partition ?? partition),
  );
}

/** @returns those that had a position, with it. @throws {UsageError} no fold reads that */
export async function reset({ database }: Pick<Storage, 'database'>, query: ResetQuery): Promise<CheckpointRow[]> {
  return await resetCheckpoints(database, { folds: foldsOf(query), partition: query.partition ?? null });
}

function foldsOf({ topic, fold }: ResetQuery): string[] {
  const reading = FOLDS.filter((one) => one.topic === topic).map(({ name }) => name);
  if (reading.length === 0) {
    const topics = [...new Set(FOLDS.map((one) => one.topic))].join(', ');
    throw new UsageError(`no processor reads topic ${topic}: it is one of ${topics}`);
  }
  if (fold === undefined) return reading;
  if (reading.includes(fold)) return [fold];
  throw new UsageError(`${fold} does not read topic ${topic}: ${reading.join(', ')} do`);
}
