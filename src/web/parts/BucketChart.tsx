/** The chart of a bucket with what belongs to it: its legend, its controls, what is below the pointer. */
import { useContext, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ChartData } from '../chartData.ts';
import type { TimeRange } from '../ranges.ts';
import { ChartContext } from './chart.ts';
import type { Chart } from './chart.ts';
import { useReading } from './context.ts';
import { PlainChart } from './PlainChart.tsx';

interface BucketChartProps {
  readonly data: ChartData;
  readonly label: string;
  readonly onRange: (range: TimeRange) => void;
  readonly onReset: () => void;
}

export function BucketChart({ data, label, onRange, onReset }: BucketChartProps) {
  const { words, t } = useReading();
  const draw = useContext(ChartContext);
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const handlers = useRef({ onRange, onReset });
  handlers.current = { onRange, onReset };
  const [point, setPoint] = useState<number | null>(null);
  useEffect(() => {
    if (draw === null || host.current === null) return undefined;
    const drawn = draw(host.current, data, {
      words,
      titles: [t.bucket.tokens, t.bucket.use],
      onPoint: setPoint,
      onRange: (range) => handlers.current.onRange(range),
      onReset: () => handlers.current.onReset(),
    });
    chart.current = drawn;
    return () => drawn.destroy();
  }, [draw, words]);
  useEffect(() => chart.current?.show(data), [data]);
  return (
    <figure class="chart">
      <figcaption class="chart-head">
        <Legend isPeriods={data.isPeriods} />
        <Controls chart={() => chart.current} />
      </figcaption>
      <div ref={host} class="chart-host" tabIndex={0} role="group" aria-label={label} aria-describedby="chart-keys">
        <PlainChart data={data} />
      </div>
      <p class="readout" aria-hidden="true">
        {useMemo(() => (point === null ? '' : readout(data, point, words, t)), [data, point, words])}
      </p>
      <p id="chart-keys" class="quiet with-script chart-keys">
        {t.bucket.keys}
      </p>
    </figure>
  );
}

type Reading = ReturnType<typeof useReading>;

function readout(data: ChartData, i: number, words: Reading['words'], t: Reading['t']): string {
  const of = (column: ChartData['tokens']): number | null => column[i] ?? null;
  const [time, tokens, capacity] = [of(data.time), of(data.tokens), of(data.capacity)];
  if (time === null) return '';
  const share =
    tokens === null || capacity === null || capacity === 0 ? '' : ` (${words.percent((tokens * 100) / capacity)})`;
  const [rate, low, high] = [of(data.rate), of(data.rateLow), of(data.rateHigh)];
  const interval = low === null || high === null ? '' : t.interval(words.number(low), words.number(high));
  const use = rate === null ? interval : `${words.number(rate)}${interval === '' ? '' : ` (${interval})`}`;
  return [
    words.time(time * 1000),
    `${t.bucket.tokens}: ${words.number(tokens)}${share}`,
    ...(use === '' ? [] : [`${t.bucket.legend.use}: ${t.perMinute(use)}`]),
  ].join(' · ');
}

function Legend({ isPeriods }: { readonly isPeriods: boolean }) {
  const { legend } = useReading().t.bucket;
  const entries = [
    ['tokens', legend.tokens],
    ...(isPeriods ? [['extent', legend.extent]] : []),
    ['thresholds', legend.thresholds],
    ['alert', legend.alert],
    ['forecast', legend.forecast],
    ['blind', legend.blind],
  ];
  return (
    <ul class="legend">
      {entries.map(([key, text]) => (
        <li key={key} class={`legend-${key}`}>
          {text}
        </li>
      ))}
    </ul>
  );
}

function Controls({ chart }: { readonly chart: () => Chart | null }) {
  const { t } = useReading();
  const buttons = [
    [t.bucket.earlier, '◀', () => chart()?.move(-0.5)],
    [t.bucket.later, '▶', () => chart()?.move(0.5)],
    [t.bucket.zoomIn, '+', () => chart()?.zoom(0.5)],
    [t.bucket.zoomOut, '−', () => chart()?.zoom(2)],
  ] as const;
  return (
    <div class="chart-controls with-script">
      {buttons.map(([label, sign, act]) => (
        <button key={label} type="button" aria-label={label} title={label} onClick={act}>
          <span aria-hidden="true">{sign}</span>
        </button>
      ))}
    </div>
  );
}
