/** The columns that came with revision 2 of "states": readers don't fail while revision 1 is in service. */

const ESTIMATES: Readonly<Record<string, string>> = {
  consumption_estimate: 'double precision',
  consumption_low80: 'double precision',
  consumption_high80: 'double precision',
  consumption_method: 'text',
  consumption_rate_low_per_minute: 'double precision',
};

/** SQL to put behind a view `v` in `from`: {@link columnOf} reads what it may not have. `offset 0`: once for a row. */
export const WITH_ESTIMATES = 'v cross join lateral (select to_jsonb(v) as fields offset 0) e';

/** SQL for a column of the view; null where the version in service has no such column. */
export function columnOf(name: string, as = name): string {
  const type = ESTIMATES[name];
  return type === undefined ? name : `(e.fields ->> '${name}')::${type} as ${as}`;
}
