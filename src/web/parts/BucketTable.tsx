/** All buckets, worst first: a table, which narrow screens show as cards. */
import type { BucketSummary, Health, Overview } from '../../api/answers.ts';
import { bucketAddress } from '../addresses.ts';
import { ageAt, keyOf } from '../buckets.ts';
import { CallsNote } from './CallsNote.tsx';
import { useReading } from './context.ts';
import { Consumption, Outlook } from './figures.tsx';
import { PolicyName } from './PolicyName.tsx';
import { Level } from './Level.tsx';
import { Sparkline } from './Sparkline.tsx';
import { TokenBar } from './TokenBar.tsx';

export interface Row {
  readonly bucket: BucketSummary;
  readonly level: Health;
}

interface BucketTableProps {
  readonly rows: readonly Row[];
  readonly thresholds: Overview['thresholds'];
  /** Milliseconds. */
  readonly now: number;
  /** ISO; `null`: now. */
  readonly at: string | null;
  readonly caption: string;
}

/** Roles are written out: narrow screens lay rows out as blocks, which would take them away. */
export function BucketTable({ rows, caption, ...shared }: BucketTableProps) {
  const { columns } = useReading().t;
  return (
    <table class="buckets" role="table">
      <caption>{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {Object.entries(columns).map(([key, title]) => (
            <th key={key} scope="col" role="columnheader" class={`cell-${key}`}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <BucketRow key={keyOf(row.bucket)} row={row} {...shared} />
        ))}
      </tbody>
    </table>
  );
}

type RowProps = Omit<BucketTableProps, 'rows' | 'caption'> & { readonly row: Row };

function BucketRow({ row: { bucket, level }, thresholds, now, at }: RowProps) {
  const { t, words } = useReading();
  return (
    <tr role="row" class={`row-${level}`}>
      <th scope="row" role="rowheader" class="cell-bucket">
        <a href={bucketAddress(bucket, { at })}>
          <PolicyName name={bucket.endpoint_id} />
        </a>
        <small>
          {bucket.participant}
          {bucket.psp_category !== null && ` · ${t.category(bucket.psp_category)}`}
        </small>
      </th>
      <td role="cell" class="cell-level">
        <Level level={level} />
        {bucket.level_since !== null && (
          <small title={words.time(bucket.level_since)}>{t.since(words.clock(bucket.level_since, now))}</small>
        )}
      </td>
      <td role="cell" class="cell-tokens">
        <TokenBar bucket={bucket} level={level} thresholds={thresholds} />
        <span class="tokens">
          <b>{words.percent(bucket.remaining_percent)}</b>
          <small>{t.ofCapacity(words.number(bucket.available_tokens), words.number(bucket.capacity))}</small>
        </span>
      </td>
      <td role="cell" class="cell-day">
        <Sparkline values={bucket.sparkline} thresholds={thresholds} />
      </td>
      <td role="cell" class="cell-use">
        <Consumption rate={bucket.consumption} />
        {bucket.calls !== null && <CallsNote calls={bucket.calls} />}
      </td>
      <td role="cell" class="cell-outlook">
        {level === 'STALE' ? words.number(null) : <Outlook bucket={bucket} now={now} />}
      </td>
      <td role="cell" class="cell-age">
        <Freshness bucket={bucket} isStale={level === 'STALE'} now={now} />
      </td>
    </tr>
  );
}

function Freshness({
  bucket,
  isStale,
  now,
}: {
  readonly bucket: BucketSummary;
  readonly isStale: boolean;
  readonly now: number;
}) {
  const { t, words } = useReading();
  const age = words.duration(ageAt(bucket, now));
  return (
    <time dateTime={bucket.response_time} title={words.time(bucket.response_time)} class={isStale ? 'stale' : ''}>
      {isStale ? t.silentFor(age) : t.ago(age)}
    </time>
  );
}
