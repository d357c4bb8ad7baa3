/** The processes that run on a database, and how each of them judges buckets. */
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from './database.ts';

export interface ProcessEntry {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  /** Names its thresholds. */
  readonly ruleVersion: string;
  readonly staleAfterMs: number;
}

/** When a participant is asked next, by whoever polls it. */
export interface NextPoll {
  readonly participant: string;
  readonly at: EpochMs;
  /** The only one asked about; `null`: all of them. */
  readonly policy: string | null;
  /** A word of docs/metrics.md: why then. */
  readonly reason: string;
}

/** What a process does at the moment. */
export interface ProcessState {
  /** What another process does, and this one would. */
  readonly standingBy: readonly string[];
  readonly nextPolls: readonly NextPoll[];
}

const IDLE: ProcessState = { standingBy: [], nextPolls: [] };

/** A process says every so often that it lives; one that has not for this long does no more. */
const LIVES_SECONDS = 60;
/** Rows of processes that were killed go in the end. */
const FORGOTTEN_SECONDS = 600;

/** Says that a process lives, and what it judges with. */
export async function renewProcess(sql: Sql, entry: ProcessEntry, state = IDLE): Promise<void> {
  const { id, host, pid, roles, ruleVersion, staleAfterMs } = entry;
  await sql.execute(
    `insert into balde.process
       (id, host, pid, roles, rule_version, stale_after_seconds, standing_by, next_polls)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do update set seen_at = clock_timestamp(), standing_by = $7, next_polls = $8`,
    [id, host, pid, roles, ruleVersion, staleAfterMs / 1000, state.standingBy, JSON.stringify(state.nextPolls)],
  );
  await sql.execute(`delete from balde.process where seen_at < clock_timestamp() - $1 * interval '1 second'`, [
    FORGOTTEN_SECONDS,
  ]);
}

export async function removeProcess(sql: Sql, id: string): Promise<void> {
  await sql.execute('delete from balde.process where id = $1', [id]);
}

export interface LivingProcess extends ProcessEntry, ProcessState {
  readonly startedAt: EpochMs;
  /** When it last said that it lives. */
  readonly seenAt: EpochMs;
}

/** Oldest first. */
export async function livingProcesses(sql: Sql): Promise<LivingProcess[]> {
  const rows = await sql.query<{
    id: string;
    host: string;
    pid: number;
    roles: string[];
    rule_version: string;
    stale_after_seconds: number;
    started_at: EpochMs;
    seen_at: EpochMs;
    standing_by: string[];
    next_polls: NextPoll[];
  }>(
    `select id, host, pid, roles, rule_version, stale_after_seconds, started_at, seen_at, standing_by, next_polls
     from balde.process
     where seen_at > clock_timestamp() - $1 * interval '1 second' order by started_at, id`,
    [LIVES_SECONDS],
  );
  return rows.map((row) => ({
    ...{ id: row.id, host: row.host, pid: row.pid, roles: row.roles, ruleVersion: row.rule_version },
    ...{ staleAfterMs: row.stale_after_seconds * 1000, startedAt: row.started_at, seenAt: row.seen_at },
    ...{ standingBy: row.standing_by, nextPolls: row.next_polls },
  }));
}
