/** Canonical hashes of the read models: equal tables, whoever built them and when, have equal hashes. */
import { createHash } from 'node:crypto';
import type { Sql } from './database.ts';

/**
 * SHA-256 of history: one line per participant, policy and UTC month, each with the MD5 of its rows in order of time.
 * Rows are hashed as Postgres prints them under the settings that every Balde session has (UTC, ISO dates, shortest
 * exact floats).
 */
export async function hashStates(sql: Sql, schema: string): Promise<string> {
  return await hashLines(
    sql,
    `select participant, endpoint_id, part, count(*) as n,
       md5(string_agg(line, e'\\n' order by response_time)) as digest
     from (
       select *, to_char(response_time at time zone 'UTC', 'YYYY-MM') as part, h::text as line from "${schema}".history h
     ) rows group by 1, 2, 3 order by participant collate "C", endpoint_id collate "C", part`,
  );
}

/** SHA-256 of alerts and category changes: one line per participant and policy. */
export async function hashAlerts(sql: Sql, schema: string): Promise<string> {
  return await hashLines(
    sql,
    `select participant, endpoint_id, part, count(*) as n, md5(string_agg(line, e'\\n' order by at, id)) as digest
     from (
       select participant, endpoint_id, 'alerts' as part, created_at as at, id, a::text as line from "${schema}".alerts a
       union all
       select participant, endpoint_id, 'category', changed_at, id, c::text from "${schema}".category_changes c
     ) rows group by 1, 2, 3 order by participant collate "C", endpoint_id collate "C", part`,
  );
}

async function hashLines(sql: Sql, query: string): Promise<string> {
  const hash = createHash('sha256');
  for (const row of await sql.query(query)) hash.update(`${JSON.stringify(Object.values(row))}\n`);
  return hash.digest('hex');
}
