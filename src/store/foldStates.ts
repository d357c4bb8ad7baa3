/** States of a fold by key, beside its rows: only the keys that changed are written. */
import type { Sql } from './database.ts';
import type { StatementPart } from './parts.ts';

export async function loadStates(sql: Sql, schema: string, keys: readonly string[]): Promise<Map<string, unknown>> {
  const rows = await sql.query<{ key: string; state: unknown }>(
    `select key, state from "${schema}".fold_state where key = any ($1::text[])`,
    [keys],
  );
  return new Map(rows.map((row) => [row.key, row.state]));
}

/** Writes the states given, beside those of other keys. */
export const stateParts = (schema: string, states: ReadonlyMap<string, unknown>): StatementPart[] =>
  states.size === 0
    ? []
    : [
        {
          name: `states:${schema}`,
          queries: [
            `saved_states as (
               insert into "${schema}".fold_state (key, state) select * from unnest($1::text[], $2::jsonb[])
               on conflict (key) do update set state = excluded.state
             )`,
          ],
          results: [],
          parameters: [[...states.keys()], [...states.values()].map((state) => JSON.stringify(state))],
        },
      ];

/** Every key's state. */
export async function allStates(sql: Sql, schema: string): Promise<Map<string, unknown>> {
  const rows = await sql.query<{ key: string; state: unknown }>(`select key, state from "${schema}".fold_state`);
  return new Map(rows.map((row) => [row.key, row.state]));
}

/** States that fit a condition over `state`. */
export async function statesWhere(sql: Sql, schema: string, condition: string): Promise<Map<string, unknown>> {
  const rows = await sql.query<{ key: string; state: unknown }>(
    `select key, state from "${schema}".fold_state where ${condition}`,
  );
  return new Map(rows.map((row) => [row.key, row.state]));
}
