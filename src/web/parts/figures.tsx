/** Figures of a bucket in words: what is used, and where that leads. */
import type { BucketSummary, ConsumptionRate, ForecastSummary } from '../../api/answers.ts';
import { secondsLeft } from '../buckets.ts';
import { useReading } from './context.ts';

/** The estimate with its interval; else what is proven. */
export function Consumption({ rate }: { readonly rate: ConsumptionRate }) {
  const { t, words } = useReading();
  const { estimate, low80, high80, low } = rate;
  if (estimate === null) return <>{low === null ? words.number(null) : t.atLeast(words.number(low))}</>;
  const hasInterval = low80 !== null && high80 !== null;
  return (
    <>
      {t.perMinute(words.number(estimate))}
      {hasInterval && <small title={t.intervalNote}>{t.interval(words.number(low80), words.number(high80))}</small>}
    </>
  );
}

interface OutlookProps {
  readonly bucket: Pick<BucketSummary, 'forecast' | 'available_tokens' | 'full_in_seconds'>;
  /** Milliseconds. */
  readonly now: number;
}

/** Empty in, with its interval, where that is forecast; else full in. */
export function Outlook({ bucket, now }: OutlookProps) {
  const { t, words } = useReading();
  const { forecast, available_tokens: tokens, full_in_seconds: full } = bucket;
  if (tokens <= 0) return <strong class="danger">{t.emptyNow}</strong>;
  if (forecast !== null) return <EmptyIn forecast={forecast} now={now} />;
  if (full === null) return <>{words.number(null)}</>;
  return <span class="quiet">{full <= 0 ? t.full : t.fullIn(words.duration(full))}</span>;
}

export function EmptyIn({ forecast, now }: { readonly forecast: ForecastSummary; readonly now: number }) {
  const { t, words } = useReading();
  const left = (seconds: number): string => words.duration(secondsLeft(forecast.created_at, seconds, now));
  const { seconds_to_zero_low: low, seconds_to_zero_high: high } = forecast;
  return (
    <>
      <strong class="danger">{t.emptyIn(left(forecast.seconds_to_zero))}</strong>
      <small title={t.intervalNote}>
        {high === null ? t.emptyFrom(left(low)) : t.emptyRange(left(low), left(high))}
      </small>
    </>
  );
}
