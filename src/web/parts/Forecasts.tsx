/** Buckets that are going to be empty: what an operator can still do something about. */
import type { ForecastSummary } from '../../api/answers.ts';
import { bucketAddress } from '../addresses.ts';
import { useReading } from './context.ts';
import { EmptyIn } from './figures.tsx';
import { Time } from './Time.tsx';

interface ForecastsProps {
  readonly forecasts: readonly ForecastSummary[];
  /** Milliseconds. */
  readonly now: number;
  readonly at: string | null;
}

/** Open ones. */
export function OpenForecasts({ forecasts, now, at }: ForecastsProps) {
  const { t } = useReading();
  if (forecasts.length === 0) return null;
  return (
    <section class="forecasts" aria-labelledby="forecasts">
      <h2 id="forecasts">{t.forecasts}</h2>
      <ul>
        {forecasts.map((forecast) => (
          <li key={forecast.id}>
            <a href={bucketAddress(forecast, { at })}>{forecast.endpoint_id}</a>
            <span class="quiet">{forecast.participant}</span>
            <span class="outlook">
              <EmptyIn forecast={forecast} now={now} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What was said of a bucket, and what came of it; oldest first. */
export function PastForecasts({ forecasts, now }: Pick<ForecastsProps, 'forecasts' | 'now'>) {
  const { t, words } = useReading();
  return (
    <ul class="events">
      {forecasts.map((forecast) => (
        <li key={forecast.id}>
          <p>
            <b>
              {t.forecast.said(
                words.duration(forecast.seconds_to_zero),
                forecast.seconds_to_zero_high === null
                  ? t.emptyFrom(words.duration(forecast.seconds_to_zero_low))
                  : t.interval(
                      words.duration(forecast.seconds_to_zero_low),
                      words.duration(forecast.seconds_to_zero_high),
                    ),
              )}
            </b>{' '}
            {outcome(forecast)}
          </p>
          <p class="quiet">
            <Time at={forecast.created_at} near={now} />
          </p>
        </li>
      ))}
    </ul>
  );

  function outcome({ zero_at, created_at, resolved_at, resolution_reason }: ForecastSummary): string {
    if (zero_at !== null) {
      return t.forecast.zero(words.duration((Date.parse(zero_at) - Date.parse(created_at)) / 1000));
    }
    if (resolved_at === null) return t.forecast.open;
    return (resolution_reason === null ? undefined : t.reasons[resolution_reason]) ?? t.forecast.notEmpty;
  }
}
