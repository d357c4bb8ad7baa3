/** The last day of a bucket in one line: the lowest share left in each half hour. */
import type { Overview } from '../../api/answers.ts';
import { useReading } from './context.ts';

const WIDTH = 120;
const HEIGHT = 28;

interface SparklineProps {
  /** Percent, oldest first; `null`: not observed. */
  readonly values: readonly (number | null)[];
  readonly thresholds: Overview['thresholds'];
}

export function Sparkline({ values, thresholds }: SparklineProps) {
  const { t, words } = useReading();
  const known = values.filter((value) => value !== null);
  const label = known.length === 0 ? t.sparkUnknown : t.sparkLabel(words.percent(Math.min(...known)));
  const warning = yOf(thresholds.warning_percent);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <line class="spark-warning" x1="0" x2={WIDTH} y1={warning} y2={warning} />
      <path class="spark-line" d={pathOf(values)} />
    </svg>
  );
}

const yOf = (percent: number): number =>
  Math.round((HEIGHT - 2 - (Math.min(100, Math.max(0, percent)) / 100) * (HEIGHT - 4)) * 10) / 10;

/** With a gap wherever nothing was observed; a lone value is a dot. */
function pathOf(values: readonly (number | null)[]): string {
  const step = WIDTH / Math.max(1, values.length - 1);
  return values
    .map((value, i) => {
      if (value === null) return '';
      const point = `${Math.round(i * step * 10) / 10} ${yOf(value)}`;
      const begins = (values[i - 1] ?? null) === null;
      const isAlone = begins && (values[i + 1] ?? null) === null;
      return begins ? `M${point}${isAlone ? 'h1' : ''}` : `L${point}`;
    })
    .join('');
}
