/** States of payers' buckets as a whole: how many there are, and which go. */
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from './database.ts';
import { participantOf, tableName } from './sql.ts';

interface Forgetting {
  readonly now: EpochMs;
  /** After what a payer took is made good, it may still matter for windows that come late. */
  readonly lateMs: number;
  /** A payer of whom nothing was told for so long is forgotten, wherever the log's readers are. */
  readonly longestMs: number;
}

const PAYERS = (schema: string): string => `${tableName(schema, 'fold_state')} s where s.state ? 'madeGoodBy'`;

/**
 * Forgets whoever is full again. By the clock of what was read, too: while the log is read from hours ago on, what is
 * still to come may be from before a payer was full.
 * @returns how many
 */
export async function forgetFull(sql: Sql, schema: string, { now, lateMs, longestMs }: Forgetting): Promise<number> {
  return await sql.execute(
    `with payers as (
       select s.key, ${participantOf('s.key')} as participant,
         (s.state->>'madeGoodBy')::bigint as by, (s.state->>'newest')::bigint as newest
       from ${PAYERS(schema)}
     ), clocks as (select participant, least($1::bigint, max(newest)) as at from payers group by participant)
     delete from ${tableName(schema, 'fold_state')} f using payers p join clocks c using (participant)
     where f.key = p.key
       and ((p.by + $2::bigint <= c.at) or (greatest(p.by, p.newest) + $3::bigint <= $1::bigint))`,
    [now, lateMs, longestMs],
  );
}

/** Forgets those nearest to full, of more than `most`: what is forgotten counts as full. @returns how many */
export async function forgetOfMore(sql: Sql, schema: string, most: number): Promise<number> {
  return await sql.execute(
    `delete from ${tableName(schema, 'fold_state')} f using (
       select s.key from ${PAYERS(schema)}
       order by (s.state->>'madeGoodBy')::bigint, s.key
       limit greatest(0, (select count(*) from ${PAYERS(schema)}) - $1::bigint)
     ) gone where f.key = gone.key`,
    [most],
  );
}

export async function countPayers(sql: Sql, schema: string): Promise<number> {
  const [row] = await sql.query<{ n: number }>(`select count(*) as n from ${PAYERS(schema)}`);
  return row?.n ?? 0;
}

/** Nothing stays of any payer. @returns how many */
export async function forgetAllPayers(sql: Sql, schema: string): Promise<number> {
  return await sql.execute(`delete from ${tableName(schema, 'fold_state')}`);
}
