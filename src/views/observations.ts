/** History of one bucket, in order of DICT's clock and in flat memory. */
import { sampleOfRow } from '../../projections/states/fold.ts';
import type { HistoryRow, SampleRow } from '../../projections/states/fold.ts';
import type { EpochMs, PolicyStateObserved } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import type { Bucket } from './buckets.ts';
import { estimatesIn } from './estimates.ts';

/** What folds and simulations read of a row of history. */
export interface ReadObservation extends SampleRow, Pick<HistoryRow, 'consumption_low' | 'consumption_high'> {
  /** Whether the row had a predecessor when it came. */
  readonly followed: boolean;
}

/** With what was estimated of the time before it; `null`: only the bounds are known. */
export interface EstimatedObservation extends ReadObservation, Pick<HistoryRow, 'consumption_estimate'> {}

const PAGE = 5_000;

/** Both ends included; open where there is none. */
interface Stretch {
  readonly from?: EpochMs | null | undefined;
  readonly until: EpochMs;
}

/**
 * Rows of one bucket, page by page along the primary key.
 *
 * A row that came late, after a newer one of its bucket, changed no alert (DOM-10). It is known by having no enrichment
 * although it is not the one that made the bucket known: {@link isLate}.
 */
export async function* historyOf(
  sql: Sql,
  bucket: Bucket,
  stretch: Stretch,
  size = PAGE,
): AsyncGenerator<ReadObservation[]> {
  yield* pagesOf<ReadObservation>(sql, bucket, stretch, { size, columns: COLUMNS, view: VIEW });
}

/** Few are asked for at first: what is looked for is mostly near. */
const FIRST_PAGE = 250;

/** Rows of one bucket before a time, the newest first, page by page. */
export async function* backwards(sql: Sql, bucket: Bucket, before: EpochMs): AsyncGenerator<ReadObservation[]> {
  let size = FIRST_PAGE;
  for (let to: EpochMs | null = before; to !== null; size = PAGE) {
    const rows: ReadObservation[] = await sql.query<ReadObservation>(
      `select ${COLUMNS} from ${VIEW}
       where participant = $1 and endpoint_id = $2 and response_time < $3
       order by response_time desc limit $4`,
      [bucket.participant, bucket.policy, instant(to), size],
    );
    if (rows.length > 0) yield rows;
    to = rows.length < size ? null : (rows.at(-1)?.response_time ?? null);
  }
}

/** The same rows, with estimates; `null` while the version in service has none. */
export async function* estimatedHistoryOf(
  sql: Sql,
  bucket: Bucket,
  until: EpochMs,
): AsyncGenerator<EstimatedObservation[]> {
  const { columnOf } = await estimatesIn(sql);
  const columns = `${COLUMNS}, ${columnOf('consumption_estimate')}`;
  yield* pagesOf<EstimatedObservation>(sql, bucket, { until }, { size: PAGE, columns, view: VIEW });
}

const VIEW = 'dict_rate_limit_states';
const COLUMNS = `response_time, available_tokens, capacity, refill_tokens, refill_period_sec, psp_category,
  consumption_low, consumption_high, blind_seconds is not null as followed`;

async function* pagesOf<Row extends ReadObservation>(
  sql: Sql,
  bucket: Bucket,
  { from, until }: Stretch,
  { size, columns, view }: { readonly size: number; readonly columns: string; readonly view: string },
): AsyncGenerator<Row[]> {
  const before = from === null || from === undefined ? '-infinity' : instant(from - 1);
  for (let after: string | null = before; after !== null;) {
    const rows: Row[] = await sql.query<Row>(
      `select ${columns} from ${view}
       where participant = $1 and endpoint_id = $2 and response_time > $3 and response_time <= $4
       order by response_time limit $5`,
      [bucket.participant, bucket.policy, after, instant(until), size],
    );
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    after = rows.length < size || last === undefined ? null : instant(last.response_time);
  }
}

export const isLate = (row: ReadObservation, bucket: Bucket): boolean =>
  !row.followed && row.response_time !== bucket.firstSeen;

/** The event that a row of history came from. Fields that no fold reads are left empty. */
export const observationOf = (row: ReadObservation, bucket: Bucket): PolicyStateObserved => ({
  type: 'PolicyStateObserved',
  eventId: '',
  participant: bucket.participant,
  policy: bucket.policy,
  ...sampleOfRow(row),
  observedAt: row.response_time,
  correlationId: null,
  pollId: '',
});
