/** Where the folds stand: which versions there are, and how far each has come in its topic. */
import type { EpochMs } from '../domain/events.ts';
import type { EventLog } from '../log/eventLog.ts';
import type { Sql } from '../store/database.ts';
import { FOLDS } from './folds.ts';

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

const TOPICS: ReadonlyMap<string, string> = new Map(FOLDS.map(({ name, topic }) => [name, topic]));

interface CheckpointRow {
  [column: string]: unknown;
  readonly fold: string;
  readonly version: number;
  readonly served: boolean;
  /** As JSON: `{"0": "…"}`. */
  readonly positions: Readonly<Record<string, string | null>> | null;
  readonly moved_at: EpochMs | null;
}

/** Every installed version of every fold, against the end of its topic. @throws {LogError} */
export async function foldStandings(sql: Sql, log: EventLog): Promise<FoldStanding[]> {
  // Checkpoints first: the log only grows meanwhile, so "caught up" is never said too early.
  const rows = await sql.query<CheckpointRow>(
    `select p.name as fold, p.version, p.served,
       jsonb_object_agg(c.partition, c.position) filter (where c.partition is not null) as positions,
       max(c.updated_at) filter (where c.position is not null) as moved_at
     from balde.projection p
     left join balde.checkpoint c on c.fold = p.name and c.version = p.version
     group by p.name, p.version, p.served
     order by p.name, p.version`,
  );
  const standings: FoldStanding[] = [];
  for (const row of rows) {
    const topic = TOPICS.get(row.fold);
    if (topic !== undefined) standings.push(await standingOf(row, topic, log));
  }
  return standings;
}

async function standingOf(row: CheckpointRow, topic: string, log: EventLog): Promise<FoldStanding> {
  const ends = await log.ends(topic);
  const behind = ends.filter(({ partition, last }) => {
    const at = row.positions?.[partition] ?? null;
    return last !== null && (at === null || at < last);
  });
  return {
    ...{ fold: row.fold, version: row.version, served: row.served, topic },
    caughtUp: behind.length === 0,
    partitions: ends.length,
    partitionsBehind: behind.length,
    movedAt: row.moved_at,
  };
}

/** Folds of this program of which the database has no version in service. */
export async function missingReadModels(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ name: string }>('select name from balde.projection where served');
  const served = new Set(rows.map((row) => row.name));
  return [...TOPICS.keys()].filter((name) => !served.has(name));
}
