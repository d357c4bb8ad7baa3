/** Seals: the hashes of months that are over, as they were when they were found equal to the log. */
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from './database.ts';
import type { MonthHash } from './monthHashes.ts';
import type { FoldRevision } from './schemas.ts';

export interface Seal extends MonthHash {
  readonly month: EpochMs;
}

/** By month. Those of another revision say nothing about this one. */
export async function loadSeals(sql: Sql, { name, revision }: FoldRevision): Promise<Map<EpochMs, Seal[]>> {
  const rows = await sql.query<Seal>(
    `select month, participant, endpoint_id as policy, rows, hash from balde.sealed_month
     where name = $1 and revision = $2 order by month, participant, endpoint_id`,
    [name, revision],
  );
  const seals = new Map<EpochMs, Seal[]>();
  for (const row of rows) seals.set(row.month, [...(seals.get(row.month) ?? []), row]);
  return seals;
}

/** @returns buckets sealed */
export async function saveSeals(
  sql: Sql,
  { name, revision }: FoldRevision,
  month: EpochMs,
  hashes: readonly MonthHash[],
): Promise<number> {
  return await sql.execute(
    `insert into balde.sealed_month (name, month, participant, endpoint_id, rows, hash, revision)
     select $1, $2, u.participant, u.endpoint_id, u.rows, u.hash, $7
     from unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) u (participant, endpoint_id, rows, hash)
     on conflict (name, month, participant, endpoint_id)
     do update set rows = excluded.rows, hash = excluded.hash, revision = excluded.revision, sealed_at = clock_timestamp()`,
    [
      name,
      new Date(month).toISOString(),
      hashes.map(({ participant }) => participant),
      hashes.map(({ policy }) => policy),
      hashes.map(({ rows }) => rows),
      hashes.map(({ hash }) => hash),
      revision,
    ],
  );
}
