/** The numbers of a chart as a table, newest first. */
import type { Series } from '../../api/answers.ts';
import { useReading } from './context.ts';
import { Table } from './Table.tsx';

/** More are for the CSV. */
const SHOWN = 100;

export function Points({ series, csv }: { readonly series: Series; readonly csv: string }) {
  const { t, words } = useReading();
  const isPeriods = series.resolution !== 'observations';
  const count = series.time.length;
  const indices = [...series.time.keys()].reverse().slice(0, SHOWN);
  return (
    <details class="panel points">
      <summary>{t.bucket.table}</summary>
      <p>
        <a href={csv} download>
          {t.bucket.csv}
        </a>{' '}
        {count > SHOWN && <span class="quiet">{t.bucket.newestRows(words.number(SHOWN), words.number(count))}</span>}
      </p>
      <Table
        label={t.bucket.table}
        columns={[
          ...[t.bucket.time, t.bucket.tokens],
          ...(isPeriods ? [t.bucket.lowest, t.bucket.highest] : []),
          ...[t.bucket.capacity, t.bucket.rate, t.bucket.rateInterval, t.bucket.blind],
        ]}
      >
        {indices.map((i) => (
          <PointRow key={series.time[i]} series={series} i={i} />
        ))}
      </Table>
    </details>
  );
}

function PointRow({ series, i }: { readonly series: Series; readonly i: number }) {
  const { t, words } = useReading();
  const isPeriods = series.resolution !== 'observations';
  const number = (column: readonly (number | null)[]): string => words.number(column[i] ?? null);
  const blind = series.blind_seconds[i] ?? null;
  const low = series.rate_low[i] ?? null;
  const high = series.rate_high[i] ?? null;
  return (
    <tr>
      <td>{words.time(series.time[i] ?? null)}</td>
      <td>{number(series.tokens)}</td>
      {isPeriods && <td>{number(series.lowest)}</td>}
      {isPeriods && <td>{number(series.highest)}</td>}
      <td>{number(series.capacity)}</td>
      <td>{number(series.rate)}</td>
      <td>{low === null || high === null ? words.number(null) : t.interval(words.number(low), words.number(high))}</td>
      <td>{blind === null || blind === 0 ? '' : words.duration(blind)}</td>
    </tr>
  );
}
