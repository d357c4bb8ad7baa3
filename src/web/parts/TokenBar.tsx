/** Tokens left as a bar, with both thresholds on it. */
import type { BucketSummary, Health, Overview } from '../../api/answers.ts';
import { useReading } from './context.ts';

interface TokenBarProps {
  readonly bucket: Pick<BucketSummary, 'remaining_percent'>;
  readonly level: Health;
  readonly thresholds: Overview['thresholds'];
}

export function TokenBar({ bucket: { remaining_percent: left }, level, thresholds }: TokenBarProps) {
  const { t, words } = useReading();
  const { warning_percent: warning, critical_percent: critical } = thresholds;
  const label = t.barLabel(words.percent(left), words.percent(warning), words.percent(critical));
  return (
    <svg class="bar" viewBox="0 0 200 14" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="bar-track" y="3" width="200" height="8" rx="2" />
      <rect class={`bar-fill bar-${level}`} y="3" width={2 * Math.min(100, Math.max(0, left))} height="8" rx="2" />
      <Threshold percent={warning} kind="warning" />
      <Threshold percent={critical} kind="critical" />
    </svg>
  );
}

const Threshold = ({ percent, kind }: { readonly percent: number; readonly kind: string }) => (
  <rect class={`bar-threshold bar-threshold-${kind}`} x={2 * percent - 0.75} width="1.5" height="14" />
);
