/**
 * What Grafana makes of a query before it sends it: variables first, then the macros of its PostgreSQL data source, as
 * its documentation has them. An unknown macro is an error here; Grafana would send it as it is.
 */

/** What a page shows. */
export interface View {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** One text, or a list for a variable of several values; `all` is put in as it is. */
  readonly variables: Readonly<Record<string, string | readonly string[] | { readonly all: string }>>;
  /** Points that the graph has room for. */
  readonly points?: number;
  /** The panel's least interval, seconds. */
  readonly leastInterval?: number;
}

const DAY = 86_400;
/** Lengths that an interval is rounded to, seconds. */
const ROUND = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, DAY, 7 * DAY, 30 * DAY];
const POINTS = 1_000;

/** `$__interval`, seconds: Grafana has some more lengths between these. */
export function intervalOf({ from, to, points = POINTS, leastInterval = 1 }: View): number {
  const wanted = (to - from) / 1_000 / points;
  return Math.max(ROUND.find((length) => length >= wanted) ?? DAY, leastInterval);
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: DAY, w: 7 * DAY };

/** @returns seconds of `5m`, quoted or not */
export function secondsOf(length: string): number {
  const [, count, unit = ''] = /^'?(\d+)([smhdw])'?$/.exec(length.trim()) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? NaN);
  if (!(seconds > 0)) throw new Error(`${length} is no interval: a number and s, m, h, d or w`);
  return seconds;
}

const shown = (seconds: number): string => {
  const unit = ['d', 'h', 'm'].find((name) => seconds % (UNITS[name] ?? 1) === 0) ?? 's';
  return `${seconds / (UNITS[unit] ?? 1)}${unit}`;
};

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const time = (at: number): string => quoted(new Date(at).toISOString());
const epoch = (at: number): string => String(Math.floor(at / 1_000));

const group = (value: string, length: string): string => {
  const seconds = secondsOf(length);
  return `floor(${value}/${seconds})*${seconds}`;
};
const secondsSince1970 = (column: string): string => `extract(epoch from ${column})`;

type Macro = (view: View, column: string, length: string) => string;

const MACROS: Readonly<Record<string, Macro>> = {
  __time: (_, column) => `${column} AS "time"`,
  __timeEpoch: (_, column) => `${secondsSince1970(column)} as "time"`,
  __timeFilter: ({ from, to }, column) => `${column} BETWEEN ${time(from)} AND ${time(to)}`,
  __timeFrom: ({ from }) => time(from),
  __timeTo: ({ to }) => time(to),
  __timeGroup: (_, column, length) => group(secondsSince1970(column), length),
  __timeGroupAlias: (_, column, length) => `${group(secondsSince1970(column), length)} AS "time"`,
  __unixEpochFilter: ({ from, to }, column) => `${column} >= ${epoch(from)} AND ${column} <= ${epoch(to)}`,
  __unixEpochFrom: ({ from }) => epoch(from),
  __unixEpochTo: ({ to }) => epoch(to),
  __unixEpochGroup: (_, column, length) => group(column, length),
  __unixEpochGroupAlias: (_, column, length) => `${group(column, length)} AS "time"`,
};

/** @throws {Error} a macro or variable that there is not */
export function expand(sql: string, view: View): string {
  return sql
    .replace(/\$\{(\w+)\}|\$(\w+)(?!\w*\()/g, (_, braced?: string, bare?: string) =>
      valueOf(braced ?? bare ?? '', view),
    )
    .replace(/\$(\w+)\(([^)]*)\)/g, (_, name: string, list: string) => {
      const macro = MACROS[name];
      if (macro === undefined) throw new Error(`PostgreSQL has no macro $${name} in Grafana`);
      const [column = '', length = ''] = list.split(',').map((part) => part.trim());
      return macro(view, column, length);
    });
}

function valueOf(name: string, view: View): string {
  if (name === '__interval') return shown(intervalOf(view));
  if (name === '__interval_ms') return String(intervalOf(view) * 1_000);
  const value = view.variables[name];
  if (value === undefined) throw new Error(`the dashboard has no variable $${name}`);
  if (typeof value === 'string') return value.replaceAll("'", "''");
  return 'all' in value ? value.all : value.map(quoted).join(',');
}
