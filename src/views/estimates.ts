/** The columns that came with revision 2 of "states": readers don't fail while revision 1 is in service. */

import type { Sql } from '../store/database.ts';

const ESTIMATES: Readonly<Record<string, string>> = {
  consumption_estimate: 'double precision',
  consumption_low80: 'double precision',
  consumption_high80: 'double precision',
  consumption_method: 'text',
  consumption_rate_low_per_minute: 'double precision',
};

interface WhereTold {
  /** SQL for a column of the view `v`; null where the version in service has no such column. */
  readonly columnOf: (name: string, as?: string) => string;
}

/**
 * What the history in service has, asked once: for many rows that costs less than {@link WITH_ESTIMATES}, which looks
 * at each row anew.
 */
export async function estimatesIn(sql: Sql): Promise<WhereTold> {
  const rows = await sql.query<{ name: string }>(
    `select attname::text as name from pg_attribute
     where attrelid = 'dict_rate_limit_states'::regclass and attname = any ($1) and not attisdropped`,
    [Object.keys(ESTIMATES)],
  );
  const there = new Set(rows.map(({ name }) => name));
  return {
    columnOf: (name, as = name) =>
      there.has(name) || ESTIMATES[name] === undefined ? `${name} as ${as}` : `null::${ESTIMATES[name]} as ${as}`,
  };
}

/** SQL to put behind a view `v` in `from`: {@link columnOf} reads what it may not have. `offset 0`: once for a row. */
export const WITH_ESTIMATES = 'v cross join lateral (select to_jsonb(v) as fields offset 0) e';

/** SQL for a column of the view; null where the version in service has no such column. */
export function columnOf(name: string, as = name): string {
  const type = ESTIMATES[name];
  return type === undefined ? name : `(e.fields ->> '${name}')::${type} as ${as}`;
}
