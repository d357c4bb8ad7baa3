/** What an overview has room for of a bucket's calls: how many found nothing, and what nobody reported. */
import type { CallsSummary } from '../../api/answers.ts';
import { isTold, SUSPICIOUS_404_PERCENT } from '../../domain/notFoundRate.ts';
import { useReading } from './context.ts';

export function CallsNote({ calls }: { readonly calls: CallsSummary }) {
  const { t, words } = useReading();
  const { error_404_rate: percent, error_404_rate_low: low, error_404_rate_high: high, queries } = calls;
  const { unexplained_at_least: tokens, unexplained_since: since, unexplained_until: until } = calls;
  return (
    <>
      {percent !== null && isTold(calls) && (
        <small
          class={percent > SUSPICIOUS_404_PERCENT ? 'danger' : ''}
          title={`${t.calls.of(words.percent(percent), words.number(queries))}, ${t.interval(words.percent(low), words.percent(high))}`}
        >
          {t.calls.rateOf(words.percent(percent))}
        </small>
      )}
      {tokens !== null && tokens > 0 && (
        <small class="danger" title={t.calls.atLeast(words.number(tokens), words.time(since), words.time(until))}>
          {t.calls.unreported(words.number(tokens))}
        </small>
      )}
    </>
  );
}
