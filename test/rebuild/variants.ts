/** Other revisions of read models, as later programs may have them and older ones had. */
import { readFile } from 'node:fs/promises';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { rollupsProjection } from '../../projections/rollups/fold.ts';
import type { RollupsState } from '../../projections/rollups/fold.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import type { StatesState } from '../../projections/states/fold.ts';
import type { PolicyStateEvent } from '../../src/domain/events.ts';
import type { Projection, RowChange, TableSpec } from '../../src/domain/fold.ts';
import type { RebuildOptions } from '../../src/rebuild/rebuild.ts';
import type { ReadModelSql } from '../../src/store/schemas.ts';

type States = Projection<PolicyStateEvent, StatesState>;
type Rollups = typeof rollupsProjection;
/** The rebuild's code goes by the description only. */
type Given = Required<Pick<RebuildOptions<unknown, unknown, string>, 'projection' | 'sql'>>;

const given = (projection: States, sql: ReadModelSql): Given => ({
  projection: projection as unknown as Given['projection'],
  sql,
});

const read = async (file: string, name = 'states'): Promise<string> =>
  await readFile(new URL(`../../projections/${name}/${file}`, import.meta.url), 'utf8');
const [TABLES, VIEWS] = [await read('tables.sql'), await read('views.sql')];
const ALERTS = { tables: await read('tables.sql', 'alerts'), views: await read('views.sql', 'alerts') };
const ROLLUPS = { tables: await read('tables.sql', 'rollups'), views: await read('views.sql', 'rollups') };

const { history, latest, policies } = statesProjection.tables;

/** Every change of history and of the newest states, with another row. */
const shaped = (
  change: (row: RowChange['row']) => RowChange['row'],
  apply: States['apply'] = statesProjection.apply,
): States['apply'] => {
  const changed = (one: RowChange): RowChange => (one.table === 'policies' ? one : { ...one, row: change(one.row) });
  return (state, event) => {
    const step = apply(state, event);
    return { ...step, out: step.out.map(changed) };
  };
};

/** Numbers that revision 3 reckons otherwise. */
const OTHERWISE = ['consumption_low', 'blind_seconds'].map((column) => Object.keys(history.columns).indexOf(column));

const at = (column: string): number => Object.keys(history.columns).indexOf(column);

/** The next revision keeps what is left in percent, and a note; its states count observations. */
export function wider(
  added: NonNullable<TableSpec['added']> = { percent_left: '100 - r.utilization_percent', note: 'null' },
): Given {
  const widened = (spec: TableSpec): TableSpec => ({
    ...spec,
    columns: { ...spec.columns, percent_left: 'double precision', note: 'text' },
    added: { ...spec.added, ...added },
  });
  const counting: States['apply'] = (state, event) => {
    const step = statesProjection.apply(state, event);
    if (step.state === undefined || step.state === state) return step;
    // A state of the revision before does not count yet.
    const { observations = 0 } = (state ?? {}) as { observations?: number };
    return { ...step, state: { ...step.state, observations: observations + 1 } as StatesState };
  };
  const projection: States = {
    ...statesProjection,
    revision: statesProjection.revision + 1,
    tables: { policies, history: widened(history), latest: widened(latest) },
    apply: shaped((row) => [...row, 100 - Number(row[at('utilization_percent')]), null], counting),
  };
  return given(projection, {
    tables: TABLES.replace('  gauge text,\n', '  gauge text,\n  percent_left double precision,\n  note text,\n'),
    views: VIEWS.replace('_per_minute\nfrom history;', '_per_minute,\n  percent_left,\n  note\nfrom history;'),
  });
}

/** The next revision has no rate of 404 answers any more. */
export function narrower(): Given {
  const narrowed = (spec: TableSpec): TableSpec => {
    const { error_404_rate: _, ...columns } = spec.columns;
    return { ...spec, columns };
  };
  const without = (row: RowChange['row']): RowChange['row'] => row.filter((_, i) => i !== at('error_404_rate'));
  const projection: States = {
    ...statesProjection,
    revision: statesProjection.revision + 1,
    tables: { policies, history: narrowed(history), latest: narrowed(latest) },
    apply: shaped(without),
  };
  return given(projection, {
    tables: TABLES.replace('  error_404_rate double precision,\n', ''),
    views: VIEWS.replace('  error_404_rate,\n', '').replace('  l.error_404_rate,\n', ''),
  });
}

/** Revision 1: without estimates, with other bounds, and a last second before empty that was rounded down to 0. */
export function older(): Given {
  const columns = Object.fromEntries(
    Object.entries(history.columns).flatMap(([name, type]) =>
      OLDER_NAMES[name] === null ? [] : [[OLDER_NAMES[name] ?? name, type]],
    ),
  );
  const added = {
    consumption_rate_per_minute: 'r.consumption_rate_low_per_minute',
    exhaustion_projection_seconds: 'r.exhaustion_seconds',
  };
  const kept = Object.keys(history.columns).map((name) => OLDER_NAMES[name] !== null);
  const withoutGauge: States['apply'] = (state, event) => {
    const step = statesProjection.apply(state, event);
    if (step.state === undefined || step.state === state) return step;
    const { gauge: _, ...others } = step.state;
    return { ...step, state: others };
  };
  const shape = (row: RowChange['row']): RowChange['row'] =>
    row
      .map((value, i) => (i === at('exhaustion_seconds') && value === 1 ? 0 : value))
      .map((value, i) => (OTHERWISE.includes(i) && value !== null ? Number(value) + 1 : value))
      .filter((_, i) => kept[i] === true);
  const projection: States = {
    ...statesProjection,
    revision: 1,
    tables: { policies, history: { ...history, columns, added }, latest: { ...latest, columns, added } },
    apply: shaped(shape, withoutGauge),
    seed: {
      ...statesProjection.seed,
      state: (row, state, first) => statesProjection.seed.state({ ...row, gauge: null }, state, first),
    },
  };
  const renamed = (text: string): string =>
    text
      .replace('consumption_rate_low_per_minute', 'consumption_rate_per_minute')
      .replace('exhaustion_seconds', 'exhaustion_projection_seconds');
  return given(projection, {
    tables: renamed(TABLES).replace(/  consumption_estimate double[^]*?  gauge text,\n/, ''),
    views: VIEWS.replace(/create or replace view public\.v_dict_rate_limit_refill[^]*?;\n/, '')
      .replace(/,\s+public\.v_dict_rate_limit_refill/, '')
      .replaceAll(/,\n  (l\.)?consumption_estimate[^]*?_low_per_minute/g, '')
      .replaceAll('estimated_rate_per_minute as ', '')
      .replaceAll('exhaustion_seconds as ', ''),
  });
}

/** What revision 1 calls them; `null` for what it does not have. */
const OLDER_NAMES: Readonly<Record<string, string | null>> = {
  consumption_rate_low_per_minute: 'consumption_rate_per_minute',
  exhaustion_seconds: 'exhaustion_projection_seconds',
  consumption_estimate: null,
  consumption_low80: null,
  consumption_high80: null,
  consumption_method: null,
  estimated_rate_per_minute: null,
  gauge: null,
};

/** Revision 1 of read model "alerts": the lower bound is the only rate. */
export function olderAlerts(): Given {
  const { consumption_rate_low_per_minute: _, ...columns } = alertsProjection.tables.alerts.columns;
  const low = Object.keys(alertsProjection.tables.alerts.columns).indexOf('consumption_rate_low_per_minute');
  const projection: typeof alertsProjection = {
    ...alertsProjection,
    revision: 1,
    tables: { ...alertsProjection.tables, alerts: { ...alertsProjection.tables.alerts, columns, added: {} } },
    apply: (state, event) => {
      const step = alertsProjection.apply(state, event);
      const narrowed = (one: RowChange<'alerts' | 'category_changes'>) =>
        one.table === 'alerts' ? { ...one, row: one.row.filter((_value, i) => i !== low) } : one;
      return { ...step, out: step.out.map(narrowed) };
    },
  };
  return {
    projection: projection as unknown as Given['projection'],
    sql: {
      tables: ALERTS.tables.replace('  consumption_rate_low_per_minute double precision,\n', ''),
      views: ALERTS.views
        .replaceAll(
          /case when consumption_rate_low_per_minute[^]*?as consumption_rate_per_minute/g,
          'consumption_rate_per_minute',
        )
        .replaceAll(/,\n  coalesce\(consumption_rate_low_per_minute[^\n]*/g, ''),
    },
  };
}

/** Revision 1 of the rollups: its states call the open periods otherwise, and it reckoned less blind time. */
export function olderRollups(): Given {
  const { rollup_5m: fives } = rollupsProjection.tables;
  const blind = Object.keys(fives.columns).indexOf('ms_blind');
  const before: Rollups = {
    ...rollupsProjection,
    revision: 1,
    apply: (state, event) => {
      const step = rollupsProjection.apply(state, event);
      if (step.state === undefined || step.state === state) return step;
      const { periods: open, ...others } = step.state;
      const out = step.out.map((change) => ({ ...change, row: change.row.with(blind, -1) }));
      return { state: { ...others, open } as unknown as RollupsState, out };
    },
  };
  return { projection: before as unknown as Given['projection'], sql: ROLLUPS };
}

const DAY_MS = 86_400_000;

/** The next revision sums up days, each written again with every observation, in a table named as history is. */
export function summing(): Given {
  const days: TableSpec = {
    table: 'history_days',
    columns: {
      participant: 'text',
      endpoint_id: 'text',
      day: 'timestamptz',
      observations: 'integer',
      lowest: 'integer',
    },
    key: ['participant', 'endpoint_id', 'day'],
    bucket: history.bucket,
    partitionedBy: 'day',
    since: 'day',
  };
  interface Day {
    readonly day: number;
    readonly observations: number;
    readonly lowest: number;
  }
  const apply: States['apply'] = (state, event) => {
    const step = statesProjection.apply(state, event);
    if (step.state === undefined || step.state === state || event.type !== 'PolicyStateObserved') return step;
    const day = event.responseTime - (event.responseTime % DAY_MS);
    const { sum } = (state ?? {}) as { sum?: Day };
    const before = sum?.day === day ? sum : { day, observations: 0, lowest: Infinity };
    const now: Day = {
      day,
      observations: before.observations + 1,
      lowest: Math.min(before.lowest, event.availableTokens),
    };
    const row = [event.participant, event.policy, day, now.observations, now.lowest];
    return {
      state: { ...step.state, sum: now } as StatesState,
      out: [...step.out, { table: 'days', how: 'upsert', row }],
    };
  };
  const projection: States = {
    ...statesProjection,
    revision: statesProjection.revision + 1,
    tables: { ...statesProjection.tables, days },
    apply,
  };
  return given(projection, {
    tables: `${TABLES}
      create table history_days (
        participant text not null, endpoint_id text not null, day timestamptz not null,
        observations integer not null, lowest integer not null, primary key (participant, endpoint_id, day)
      ) partition by range (day);`,
    views: VIEWS,
  });
}
