/** Progress of the folds: which versions exist, and how far each has read its topic. */
import type { EpochMs } from '../domain/events.ts';
import type { EventLog, Position } from '../log/eventLog.ts';
import { isAfter } from '../log/positions.ts';
import type { Sql } from '../store/database.ts';
import { FOLDS } from '../topology/folds.ts';

export interface FoldStanding {
  readonly fold: string;
  readonly version: number;
  /** The public views show this version. */
  readonly served: boolean;
  readonly topic: string;
  /** Has committed everything its topic holds. */
  readonly caughtUp: boolean;
  readonly partitions: number;
  /** Partitions with messages that are not committed yet. */
  readonly partitionsBehind: number;
  /** When a checkpoint last moved; `null` before the first message. */
  readonly movedAt: EpochMs | null;
}

const FOLD_TOPICS: ReadonlyMap<string, string> = new Map(FOLDS.map(({ name, topic }) => [name, topic]));

/** Where an installed version of a fold stands. */
export interface FoldCheckpoint {
  readonly fold: string;
  readonly version: number;
  readonly served: boolean;
  readonly topic: string;
  /** Partitions without a position are left out. */
  readonly positions: ReadonlyMap<number, Position>;
  readonly movedAt: EpochMs | null;
}

interface StandingRow {
  readonly fold: string;
  readonly version: number;
  readonly served: boolean;
  /** As JSON: `{"0": "…"}`. */
  readonly positions: Readonly<Record<string, string | null>> | null;
  readonly moved_at: EpochMs | null;
}

/** Every version of this program's folds that is still reading. */
export async function foldCheckpoints(sql: Sql): Promise<FoldCheckpoint[]> {
  const rows = await sql.query<StandingRow>(
    `select p.name as fold, p.version, p.served,
       jsonb_object_agg(c.partition, c.position) filter (where c.partition is not null) as positions,
       max(c.updated_at) filter (where c.position is not null) as moved_at
     from balde.projection p
     left join balde.checkpoint c on c.fold = p.name and c.version = p.version
     where p.state <> 'fixed'
     group by p.name, p.version, p.served
     order by p.name, p.version`,
  );
  return rows.flatMap(({ fold, version, served, positions, moved_at: movedAt }) => {
    const topic = FOLD_TOPICS.get(fold);
    if (topic === undefined) return [];
    const begun = Object.entries(positions ?? {}).flatMap(([partition, position]) =>
      position === null ? [] : [[Number(partition), position] as const],
    );
    return [{ fold, version, served, topic, positions: new Map(begun), movedAt }];
  });
}

/** Every installed version of every fold, against the end of its topic. @throws {LogError} */
export async function foldStandings(sql: Sql, log: EventLog): Promise<FoldStanding[]> {
  return await standingsOf(await foldCheckpoints(sql), log);
}

/**
 * Installed versions of folds, against the ends of their topics as they are now: the log only grows meanwhile, so
 * "caught up" is never said too early.
 * @throws {LogError}
 */
export async function standingsOf(checkpoints: readonly FoldCheckpoint[], log: EventLog): Promise<FoldStanding[]> {
  const standings: FoldStanding[] = [];
  for (const checkpoint of checkpoints) standings.push(await standingOf(checkpoint, log));
  return standings;
}

/** Whether a partition that ends at `last` holds messages after `position`. */
export const isBehind = (position: Position | undefined, last: Position | null): boolean =>
  last !== null && isAfter(last, position);

async function standingOf({ positions, ...checkpoint }: FoldCheckpoint, log: EventLog): Promise<FoldStanding> {
  const ends = await log.ends(checkpoint.topic);
  const behind = ends.filter(({ partition, last }) => isBehind(positions.get(partition), last));
  return {
    ...checkpoint,
    caughtUp: behind.length === 0,
    partitions: ends.length,
    partitionsBehind: behind.length,
  };
}

/** Folds of this program without a served version in the database. */
export async function missingReadModels(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ name: string }>('select name from balde.projection where served');
  const served = new Set(rows.map((row) => row.name));
  return [...FOLD_TOPICS.keys()].filter((name) => !served.has(name));
}
