/** States of a fold by key, beside its rows: only the keys that changed are written. */
import type { Sql } from './database.ts';

export async function loadStates(
  sql: Sql,
  schema: string,
  keys: readonly string[],
): Promise<Map<string, unknown>> {
  const rows = await sql.query<{ key: string; state: unknown }>(
    `select key, state from "${schema}".fold_state where key = any ($1::text[])`,
    [keys],
  );
  return new Map(rows.map((row) => [row.key, row.state]));
}

export async function saveStates(
  tx: Sql,
  schema: string,
  states: ReadonlyMap<string, unknown>,
): Promise<void> {
  if (states.size === 0) return;
  await tx.execute(
    `insert into "${schema}".fold_state (key, state) select * from unnest($1::text[], $2::jsonb[])
     on conflict (key) do update set state = excluded.state`,
    [[...states.keys()], [...states.values()].map((state) => JSON.stringify(state))],
  );
}

/** Every key's state. */
export async function allStates(sql: Sql, schema: string): Promise<Map<string, unknown>> {
  const rows = await sql.query<{ key: string; state: unknown }>(
    `select key, state from "${schema}".fold_state`,
  );
  return new Map(rows.map((row) => [row.key, row.state]));
}
