/** One bucket over a range of time. */
import { useMemo } from 'preact/hooks';
import type { BucketAnswer } from '../../api/answers.ts';
import { bucketAddress, bucketPath, overviewAddress, NO_FILTER } from '../addresses.ts';
import { ageAt, healthAt } from '../buckets.ts';
import { useBucket } from '../browser/useBucket.ts';
import { useNow } from '../browser/useLive.ts';
import { usePlayback } from '../browser/usePlayback.ts';
import { chartDataOf } from '../chartData.ts';
import { Alerts } from '../parts/Alerts.tsx';
import { BucketChart } from '../parts/BucketChart.tsx';
import { BucketFacts } from '../parts/BucketFacts.tsx';
import { Calls } from '../parts/Calls.tsx';
import { Connection } from '../parts/Connection.tsx';
import { useReading } from '../parts/context.ts';
import { PastForecasts } from '../parts/Forecasts.tsx';
import { Points } from '../parts/Points.tsx';
import { RangePicker } from '../parts/RangePicker.tsx';
import { Shell } from '../parts/Shell.tsx';
import { Player, TimeMachine } from '../parts/TimeMachine.tsx';
import type { RangeName } from '../ranges.ts';

export interface BucketPageProps {
  readonly answer: BucketAnswer;
  /** `null`: from here to there. */
  readonly range: RangeName | null;
}

export function BucketPage({ answer: initial, range: initialRange }: BucketPageProps) {
  const { t } = useReading();
  const { answer, chosen, connection, error, choose, reset, showAt } = useBucket(initial, initialRange);
  const player = usePlayback({ at: Date.parse(answer.as_of), show: showAt });
  const now = useNow(answer);
  const { bucket } = answer;
  const at = answer.is_past ? answer.as_of : null;
  const range = { from: Date.parse(answer.from), to: Date.parse(answer.to) };
  const ends = { from: answer.from, to: answer.to };
  const address = bucketAddress(bucket, chosen === null ? ends : { range: chosen });
  return (
    <Shell
      address={at === null ? address : bucketAddress(bucket, { ...(chosen === null ? ends : { range: chosen }), at })}
      here={null}
      connection={<Connection state={connection} age={ageAt(bucket, now)} />}
    >
      <div class="title">
        <a href={overviewAddress(NO_FILTER, at)}>← {t.bucket.back}</a>
        <h1>{t.bucket.title(bucket.endpoint_id, bucket.participant)}</h1>
      </div>
      <TimeMachine moment={now} isPast={answer.is_past} presentAddress={address}>
        <Player {...player} />
      </TimeMachine>
      <BucketFacts answer={answer} level={healthAt(bucket, answer.thresholds, now)} now={now} />
      <RangePicker name={bucket} range={range} chosen={chosen} at={at} />
      {error !== null && <p role="alert">{error}</p>}
      <Charted answer={answer} onRange={choose} onReset={reset} />
      <Points series={answer.series} csv={`/api/v1${bucketPath(bucket)}/history.csv?${new URLSearchParams(ends)}`} />
      {answer.calls !== null && <Calls calls={answer.calls} isPast={answer.is_past} />}
      <Happened answer={answer} now={now} />
    </Shell>
  );
}

interface ChartedProps {
  readonly answer: BucketAnswer;
  readonly onRange: Parameters<typeof BucketChart>[0]['onRange'];
  readonly onReset: () => void;
}

function Charted({ answer, onRange, onReset }: ChartedProps) {
  const { t, words } = useReading();
  const data = useMemo(() => chartDataOf(answer), [answer]);
  const label = t.bucket.chartLabel(answer.bucket.endpoint_id, words.time(answer.from), words.time(answer.to));
  const count = answer.series.time.length;
  return (
    <section class="panel" aria-label={t.bucket.tokens}>
      <BucketChart data={data} label={label} onRange={onRange} onReset={onReset} />
      <p class="quiet">
        {count === 0
          ? t.bucket.nothing
          : t.bucket.resolution(t.bucket.resolutions[answer.series.resolution], words.number(count))}
      </p>
    </section>
  );
}

function Happened({ answer, now }: { readonly answer: BucketAnswer; readonly now: number }) {
  const { t } = useReading();
  return (
    <div class="below">
      <section aria-labelledby="alerts">
        <h2 id="alerts">{t.bucket.alerts}</h2>
        {answer.alerts.length === 0 ? (
          <p class="quiet">{t.bucket.none}</p>
        ) : (
          <Alerts alerts={[...answer.alerts].reverse()} now={now} />
        )}
      </section>
      <section aria-labelledby="forecasts">
        <h2 id="forecasts">{t.bucket.forecasts}</h2>
        {answer.forecasts.length === 0 ? (
          <p class="quiet">{t.bucket.none}</p>
        ) : (
          <PastForecasts forecasts={[...answer.forecasts].reverse()} now={now} />
        )}
      </section>
    </div>
  );
}
