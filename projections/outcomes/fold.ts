/**
 * The fold of read model "outcomes": windows of calls, each as its highest revision has it, and who reports them.
 *
 * A bucket has too many windows to remember which it has. The table knows: of two rows of one window the higher
 * revision holds (`highest`). So nothing depends on the order in which windows come, and one that is late counts
 * for its time.
 */
import { bucketKey } from '../../src/domain/events.ts';
import type { BucketKey, EpochMs } from '../../src/domain/events.ts';
import { rowOf } from '../../src/domain/fold.ts';
import type { Projection, RowChange, Step } from '../../src/domain/fold.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { SECOND_MS } from '../../src/domain/time.ts';

/** What a source has said of a bucket. */
interface Source {
  readonly source: string;
  /** Start of its earliest window, and end of its latest. */
  readonly first: EpochMs;
  readonly last: EpochMs;
  /** It has reported all calls that ended before; the latest time that it said so for. */
  readonly complete: EpochMs | null;
}

export interface OutcomesState {
  /** In order of their names. */
  readonly sources: readonly Source[];
}

type Table = 'outcome_windows' | 'outcome_hours' | 'outcome_sources';

const WINDOW = {
  participant: 'text',
  endpoint_id: 'text',
  starts_at: 'timestamptz',
  source: 'text',
  operation: 'text',
  seconds: 'integer',
  status_200: 'integer',
  status_404: 'integer',
  status_429: 'integer',
  status_500: 'integer',
  status_other: 'integer',
  payment_order_credits: 'integer',
  cache_hits: 'integer',
  payment_orders: 'integer',
  revision: 'integer',
} as const;

/** Windows of an hour of UTC, added up. What a source need not tell is counted where it is told. */
const HOUR = {
  participant: 'text',
  endpoint_id: 'text',
  starts_at: 'timestamptz',
  source: 'text',
  operation: 'text',
  windows: 'bigint',
  status_200: 'bigint',
  status_404: 'bigint',
  status_429: 'bigint',
  status_500: 'bigint',
  status_other: 'bigint',
  payment_order_credits: 'bigint',
  cache_hits: 'bigint',
  with_cache_hits: 'bigint',
  payment_orders: 'bigint',
  with_payment_orders: 'bigint',
} as const;

const WINDOW_KEY = ['participant', 'endpoint_id', 'starts_at', 'source', 'operation'] as const;

const HOUR_VALUES = {
  windows: '1',
  status_200: 'r.status_200',
  status_404: 'r.status_404',
  status_429: 'r.status_429',
  status_500: 'r.status_500',
  status_other: 'r.status_other',
  payment_order_credits: 'r.payment_order_credits',
  cache_hits: 'coalesce(r.cache_hits, 0)',
  with_cache_hits: '(r.cache_hits is not null)::integer',
  payment_orders: 'coalesce(r.payment_orders, 0)',
  with_payment_orders: '(r.payment_orders is not null)::integer',
} as const satisfies Omit<Record<keyof typeof HOUR, string>, (typeof WINDOW_KEY)[number]>;

const SOURCE = {
  participant: 'text',
  endpoint_id: 'text',
  source: 'text',
  first_at: 'timestamptz',
  last_at: 'timestamptz',
  complete_up_to: 'timestamptz',
} as const;

/** Sources of one bucket: of more, as of pods that each have a name, the one silent longest is forgotten. */
const MAX_SOURCES = 100;

const BUCKET = { participant: 'participant', policy: 'endpoint_id' } as const;

export const outcomesProjection: Projection<RequestOutcomesObserved, OutcomesState, Table> = {
  kind: 'projection',
  name: 'outcomes',
  revision: 2,
  topic: 'request-outcomes',
  key: bucketKey,
  apply,
  tables: {
    outcome_windows: {
      table: 'outcome_windows',
      columns: WINDOW,
      key: WINDOW_KEY,
      bucket: BUCKET,
      since: 'starts_at',
      partitionedBy: 'starts_at',
      highest: 'revision',
    },
    outcome_hours: {
      table: 'outcome_hours',
      columns: HOUR,
      key: WINDOW_KEY,
      bucket: BUCKET,
      since: 'starts_at',
      partitionedBy: 'starts_at',
      sums: { of: 'outcome_windows', values: HOUR_VALUES },
    },
    outcome_sources: {
      table: 'outcome_sources',
      columns: SOURCE,
      key: ['participant', 'endpoint_id', 'source'],
      bucket: BUCKET,
      absent: `not exists (select from jsonb_array_elements(s.state->'sources') e where e->>'source' = r.source)`,
    },
  },
  // Sources only say more and more: a state that is further on is right at any earlier place of the log.
  seed: { tables: ['outcome_windows'], where: 'true', state: (_row, later) => later },
};

function apply(
  state: OutcomesState | undefined,
  event: RequestOutcomesObserved,
): Step<OutcomesState, RowChange<Table>> {
  const known = state?.sources ?? [];
  const before = known.find(({ source }) => source === event.source);
  const after = heardFrom(before, event);
  const out: RowChange<Table>[] = [{ table: 'outcome_windows', how: 'upsert', row: windowRow(event) }];
  if (state !== undefined && before !== undefined && isSame(before, after)) return { state, out };
  out.push({ table: 'outcome_sources', how: 'upsert', row: sourceRow(event, after) });
  const sources = [...known.filter((one) => one !== before), after].sort((a, b) => (a.source < b.source ? -1 : 1));
  if (sources.length <= MAX_SOURCES) return { state: { sources }, out };
  const silent = sources.reduce((a, b) => (b !== after && (a === after || b.last < a.last) ? b : a));
  out.push({ table: 'outcome_sources', how: 'delete', row: sourceRow(event, silent) });
  return { state: { sources: sources.filter((one) => one !== silent) }, out };
}

function heardFrom(before: Source | undefined, event: RequestOutcomesObserved): Source {
  const { source, windowStart, windowEnd, completeUpTo } = event;
  if (before === undefined) return { source, first: windowStart, last: windowEnd, complete: completeUpTo };
  const { complete } = before;
  return {
    source,
    first: Math.min(before.first, windowStart),
    last: Math.max(before.last, windowEnd),
    complete:
      complete === null || completeUpTo === null ? (complete ?? completeUpTo) : Math.max(complete, completeUpTo),
  };
}

const isSame = (a: Source, b: Source): boolean => a.first === b.first && a.last === b.last && a.complete === b.complete;

const sourceRow = ({ participant, policy }: BucketKey, { source, first, last, complete }: Source) =>
  rowOf(SOURCE, { participant, endpoint_id: policy, source, first_at: first, last_at: last, complete_up_to: complete });

const windowRow = (event: RequestOutcomesObserved) =>
  rowOf(WINDOW, {
    participant: event.participant,
    endpoint_id: event.policy,
    starts_at: event.windowStart,
    source: event.source,
    operation: event.operation,
    seconds: (event.windowEnd - event.windowStart) / SECOND_MS,
    status_200: event.status200,
    status_404: event.status404,
    status_429: event.status429,
    status_500: event.status500,
    status_other: event.statusOther,
    payment_order_credits: event.paymentOrderCredits,
    cache_hits: event.cacheHits,
    payment_orders: event.paymentOrders,
    revision: event.revision,
  });
