/** Drives the folds as a consumer does, in memory: given events, what comes out. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { rollupsProjection } from '../../projections/rollups/fold.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import { bucketKey } from '../../src/domain/events.ts';
import type { AlertEvent, PolicyStateEvent } from '../../src/domain/events.ts';
import type { Fold, Projection, RowChange, TableSpec, Value } from '../../src/domain/fold.ts';
import type { ThresholdRules } from '../../src/domain/thresholds.ts';

export type Row = Readonly<Record<string, Value>>;
/** Rows by primary key. */
export type Rows = Map<string, Row>;

/** Folds events key by key. States go through JSON between events, as they do through the database. */
export function run<E, S, O>(fold: Fold<E, S, O>, events: readonly E[]): O[] {
  const states = new Map<string, string>();
  return events.flatMap((event) => {
    const key = fold.key(event);
    const stored = states.get(key);
    const before = stored === undefined ? undefined : (JSON.parse(stored) as S);
    const { state, out } = fold.apply(before, event);
    if (state !== undefined) states.set(key, JSON.stringify(state));
    return [...out];
  });
}

/** As the unique index has it. */
const openOf = (rows: Rows, { participant, endpoint_id: policy }: Row): Row[] =>
  [...rows.values()].filter(
    (row) => row['participant'] === participant && row['endpoint_id'] === policy && row['resolved'] === false,
  );

/** Carries row changes out as the store does; refuses what Postgres would refuse. */
function tablesOf<T extends string>(
  tables: Readonly<Record<T, TableSpec>>,
  changes: readonly RowChange<T>[],
): Record<T, Rows> {
  const names = Object.keys(tables) as T[];
  const result = Object.fromEntries(names.map((name): [T, Rows] => [name, new Map<string, Row>()])) as Record<T, Rows>;
  for (const { table, how, row } of changes) {
    const spec = tables[table];
    const columns = Object.keys(spec.columns);
    const named: Row = Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null]));
    const key = JSON.stringify(spec.key.map((column) => named[column]));
    const exists = result[table].has(key);
    if (how === 'delete') {
      result[table].delete(key);
      continue;
    }
    if (how === 'append' && exists) throw new Error(`${table} has a row ${key} already`);
    if (how !== 'insertIfAbsent' || !exists) result[table].set(key, named);
    const open = named['resolved'] === false ? openOf(result[table], named) : [];
    if (open.length > 1) throw new Error(`two alerts of ${String(named['endpoint_id'])} are open`);
  }
  return result;
}

const project = <E, S, T extends string>(projection: Projection<E, S, T>, events: readonly E[]): Record<T, Rows> =>
  tablesOf(projection.tables, run(projection, events));

export const states = (events: readonly PolicyStateEvent[]) => project(statesProjection, events);

export const rollups = (events: readonly PolicyStateEvent[]) => project(rollupsProjection, events);

export const alertEvents = (events: readonly PolicyStateEvent[], rules?: ThresholdRules): AlertEvent[] =>
  run(alertingReactor(rules), events);

export const alerts = (events: readonly AlertEvent[]) => project(alertsProjection, events);

export const listOf = (rows: Rows): Row[] => [...rows.values()];

export const ofKey = <E extends { participant: string; policy: string }>(events: readonly E[], key: string): E[] =>
  events.filter((event) => bucketKey(event) === key);
