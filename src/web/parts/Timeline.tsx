/** Alerts that differ, over time: one side above the line, the other below. */
import type { Difference, Raised } from '../explained.ts';
import { useReading } from './context.ts';

const WIDTH = 1000;
const HEIGHT = 64;
const LINE = HEIGHT / 2;

export function Timeline({ differences }: { readonly differences: readonly Difference[] }) {
  const { t, words } = useReading();
  const moments = differences.flatMap(({ baseline, whatIf }) => [baseline, whatIf].flatMap(endsOf));
  const from = Math.min(...moments);
  const to = Math.max(from + 60_000, ...moments);
  const x = (at: number): number => ((at - from) / (to - from)) * WIDTH;
  const span = (alert: Raised | null, y: number) => {
    const [begin, end] = endsOf(alert);
    if (alert === null || begin === undefined || end === undefined) return null;
    return (
      <rect
        class={`timeline-${alert.severity}`}
        x={x(begin)}
        y={y}
        width={Math.max(2, x(end) - x(begin))}
        height="22"
      />
    );
  };
  return (
    <figure class="timeline">
      <figcaption class="quiet">{t.trial.timeline}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {differences.map(({ baseline, whatIf }, i) => (
          <g key={i}>
            {span(baseline, LINE - 25)}
            {span(whatIf, LINE + 3)}
          </g>
        ))}
        <line class="timeline-axis" x1="0" x2={WIDTH} y1={LINE} y2={LINE} />
      </svg>
      <p class="timeline-ends quiet">
        <span>{words.time(from)}</span>
        <span>{words.time(to)}</span>
      </p>
    </figure>
  );
}

const endsOf = (alert: Raised | null): number[] =>
  alert === null ? [] : [Date.parse(alert.created_at), Date.parse(alert.resolved_at ?? alert.created_at)];
