/** The fold of read model "rollups": what each bucket did in every 5 minutes, hour and day. */
import { sampleOf } from '../../src/domain/enrichment.ts';
import type { Sample } from '../../src/domain/enrichment.ts';
import { bucketKey } from '../../src/domain/events.ts';
import type { EpochMs, PolicyRetired, PolicyStateEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import type { Projection, RowChange, Step, TableSpec } from '../../src/domain/fold.ts';
import { isLate, isRetired, lifetimeOf } from '../../src/domain/lifetime.ts';
import type { Lifetime } from '../../src/domain/lifetime.ts';
import { advance, intervalOf, LENGTHS, RESOLUTIONS, startOf } from './periods.ts';
import type { Advanced, Interval, Period, Resolution } from './periods.ts';
import { COLUMNS, OPEN_COLUMNS, openRow, rowOfPeriod, sampleOfRow } from './rows.ts';
import type { PeriodRow } from './rows.ts';

type Open = Readonly<Partial<Record<Resolution, Period>>>;

export interface RollupsState extends Lifetime {
  /** The periods that the newest observation lies in; without one where {@link Seeded} says that others tell it. */
  readonly periods: Open;
  readonly seeded?: Seeded;
}

/** What revision 1 kept, with narrower bounds and less blind time. */
interface StateOfRevision1 extends Omit<RollupsState, 'periods'> {
  readonly open: Open;
}

const periodsOf = (state: RollupsState | StateOfRevision1): Open => ('open' in state ? state.open : state.periods);

/**
 * Of a state that was told by an older version, since the log has lost what came before: periods that began before
 * `begin` are the older version's. It has written those that are over; of those that were open in it the state has what
 * they held up to an observation at `counted`, which the log may have yet. Gone as soon as no period is so old.
 */
interface Seeded {
  readonly begin: EpochMs;
  readonly counted: EpochMs;
}

type Table = 'rollup_5m' | 'rollup_hours' | 'rollup_days' | 'rollup_open';

const TABLE = { m5: 'rollup_5m', hour: 'rollup_hours', day: 'rollup_days' } as const satisfies Record<
  Resolution,
  Table
>;

/** Revision 2: decision 48. */
const CHANGED = {
  2: ['ms_blind', 'consumption_low', 'consumption_high', 'entered_low', 'entered_high'],
} as const satisfies TableSpec['changed'];

const BUCKET = { participant: 'participant', policy: 'endpoint_id' } as const;
const CLOSED = {
  columns: COLUMNS,
  key: ['participant', 'endpoint_id', 'starts_at'],
  bucket: BUCKET,
  since: 'starts_at',
  changed: CHANGED,
};

export const rollupsProjection: Projection<PolicyStateEvent, RollupsState, Table> = {
  kind: 'projection',
  name: 'rollups',
  revision: 2,
  topic: 'policy-states',
  key: bucketKey,
  apply,
  memory: ['seeded'],
  tables: {
    rollup_5m: { ...CLOSED, table: 'rollup_5m', partitionedBy: 'starts_at' },
    rollup_hours: { ...CLOSED, table: 'rollup_hours' },
    rollup_days: { ...CLOSED, table: 'rollup_days' },
    rollup_open: {
      table: 'rollup_open',
      columns: OPEN_COLUMNS,
      key: ['participant', 'endpoint_id', 'resolution'],
      bucket: BUCKET,
      changed: CHANGED,
      absent: `coalesce(s.state->'open', s.state->'periods')->r.resolution is null`,
    },
  },
  seed: {
    // Months of 5 minutes are dropped; hours stay.
    tables: ['rollup_5m', 'rollup_hours'],
    where: 'r.observations > 0',
    state: (row, later, first) => seededState(sampleOfRow(row as PeriodRow), later, first),
  },
};

function apply(state: RollupsState | undefined, event: PolicyStateEvent): Step<RollupsState, RowChange<Table>> {
  if (state !== undefined && isLate(state, event)) return { state, out: [] };
  return event.type === 'PolicyRetired' ? retire(state, event) : observe(state, event);
}

/** It only makes late what is older: an interval ends with the next observation, whatever was between. */
function retire(state: RollupsState | undefined, event: PolicyRetired): Step<RollupsState, RowChange<Table>> {
  if (state === undefined || isRetired(state)) return { state, out: [] };
  return { state: { ...state, ...lifetimeOf(state.newest, [...(state.retired ?? []), event.responseTime]) }, out: [] };
}

function observe(state: RollupsState | undefined, event: PolicyStateObserved): Step<RollupsState, RowChange<Table>> {
  const interval = state === undefined ? null : intervalOf(state.newest, event);
  const newest = sampleOf(event);
  const out: RowChange<Table>[] = [];
  const periods: Partial<Record<Resolution, Period>> = {};
  for (const resolution of RESOLUTIONS) {
    const now = advanced(state, resolution, interval, event);
    if (now === null) continue;
    periods[resolution] = now.open;
    for (const period of state === undefined ? [] : now.closed) {
      const isOlder = period.start < (state?.seeded?.begin ?? -Infinity);
      // What the older version has written since is the same.
      const how = isOlder ? 'insertIfAbsent' : 'append';
      out.push({ table: TABLE[resolution], how, row: rowOfPeriod(event, period, state?.newest ?? newest) });
    }
    if (!isCounted(state, now.open, event))
      out.push({ table: 'rollup_open', how: 'upsert', row: openRow(event, resolution, now.open, newest) });
  }
  return {
    state: { ...lifetimeOf(newest, state?.retired ?? []), periods, ...stillSeeded(state?.seeded, periods) },
    out,
  };
}

/** `null`: the period of the observation is not this version's to tell. */
function advanced(
  state: RollupsState | undefined,
  resolution: Resolution,
  interval: Interval | null,
  event: PolicyStateObserved,
): Advanced | null {
  const length = LENGTHS[resolution];
  const period = state === undefined ? undefined : periodsOf(state)[resolution];
  const { begin = -Infinity } = state?.seeded ?? {};
  if (period === undefined && startOf(event.responseTime, length) < begin) return null;
  if (period !== undefined && isCounted(state, period, event)) return { closed: [], open: period };
  const { closed, open } = advance(period, length, interval, event);
  // Of the periods without an observation those before the log are written, too.
  return { open, closed: period === undefined ? closed.filter(({ start }) => start >= begin) : closed };
}

/** Whether an older version has counted an observation in a period. */
const isCounted = (
  state: Pick<RollupsState, 'seeded'> | undefined,
  { start }: Period,
  { responseTime }: PolicyStateObserved,
): boolean => state?.seeded !== undefined && start < state.seeded.begin && responseTime <= state.seeded.counted;

function stillSeeded(seeded: Seeded | undefined, periods: Open): Pick<RollupsState, 'seeded'> {
  if (seeded === undefined) return {};
  const isOver = RESOLUTIONS.every((resolution) => (periods[resolution]?.start ?? -Infinity) >= seeded.begin);
  return isOver ? {} : { seeded };
}

/** @param last observation of the newest period before the log that is over */
function seededState(last: Sample, later: RollupsState, begin: EpochMs): RollupsState {
  const periods = Object.fromEntries(
    RESOLUTIONS.flatMap((resolution) => {
      const period = periodsOf(later)[resolution];
      return period !== undefined && period.start < begin ? [[resolution, period] as const] : [];
    }),
  );
  const known = periods['m5'] === undefined ? last : later.newest;
  // One in the same 5 minutes as the log's first event: which it was makes no difference to any period after them.
  const newest = known.responseTime < begin ? known : { ...known, responseTime: begin - 1 };
  const retired = later.retired?.filter((at) => at < begin) ?? [];
  return { ...lifetimeOf(newest, retired), periods, seeded: { begin, counted: later.newest.responseTime } };
}
