/** Tokens over time as one drawing: what is there before, and without, scripts. */
import type { ChartData } from '../chartData.ts';

const WIDTH = 1000;
const HEIGHT = 240;

export function PlainChart({ data }: { readonly data: ChartData }) {
  const top = Math.max(1, ...data.capacity.map((value) => value ?? 0), ...data.highest.map((value) => value ?? 0));
  const x = (at: number): number => Math.round(((at - data.from) / (data.to - data.from)) * WIDTH);
  const y = (value: number): number => Math.round((1 - Math.max(0, value) / top) * HEIGHT);
  const path = (column: ChartData['tokens']): string =>
    column
      .map((value, i) => {
        const at = data.time[i];
        const before = column[i - 1] ?? null;
        const isLevel = value === before && value === (column[i + 1] ?? null);
        if (value === null || at === undefined || isLevel) return '';
        return `${before === null ? 'M' : 'L'}${x(at)} ${y(value)}`;
      })
      .join('');
  return (
    <svg class="plain-chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {data.blind.map(({ from, to }) => (
        <rect key={from} class="plain-blind" x={x(from)} width={x(to) - x(from)} height={HEIGHT} />
      ))}
      <path class="plain-warning" d={path(data.warning)} />
      <path class="plain-critical" d={path(data.critical)} />
      <path class="plain-tokens" d={path(data.tokens)} />
    </svg>
  );
}
