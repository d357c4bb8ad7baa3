/** A bucket's chart, which people move through. */
import type uPlot from 'uplot';
import type { ChartData } from '../chartData.ts';
import type { Chart, ChartOptions, DrawChart } from '../parts/chart.ts';
import { moved, zoomed } from '../ranges.ts';
import type { TimeRange } from '../ranges.ts';
import { onThemeChange } from './colours.ts';
import { gestures, keys } from './gestures.ts';
import { demandData, demandPlot, tokensData, tokensPlot } from './plots.ts';

/** So long after the last movement the range counts as chosen. */
const SETTLED_MS = 350;

export const drawChart: DrawChart = (host, data, options) => new BucketPlots(host, data, options);

class BucketPlots implements Chart {
  readonly #host: HTMLElement;
  readonly #options: ChartOptions;
  readonly #plots: readonly [tokens: uPlot, demand: uPlot];
  readonly #ends: (() => void)[] = [];
  #data: ChartData;
  #isFollowing = false;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(host: HTMLElement, data: ChartData, options: ChartOptions) {
    this.#host = host;
    this.#options = options;
    this.#data = data;
    const shared = { data: () => this.#data, words: options.words, width: host.clientWidth };
    const hooks: uPlot.Hooks.Arrays = {
      setScale: [(plot, scale) => scale === 'x' && this.#onScale(plot)],
      setCursor: [({ cursor }) => options.onPoint(cursor.idx ?? null)],
    };
    const [tokens, use] = options.titles;
    this.#plots = [
      tokensPlot(host, { ...shared, hooks, title: tokens }),
      demandPlot(host, { ...shared, hooks, title: use }),
    ];
    this.#setRange(this.#whole());
    this.#listen();
  }

  show(data: ChartData): void {
    this.#data = data;
    const [tokens, demand] = this.#plots;
    tokens.setData(tokensData(data), false);
    demand.setData(demandData(data), false);
    // Who moves it meanwhile keeps what the hand has done; their range is asked for when they have settled.
    if (this.#settling === undefined) this.#setRange(this.#whole());
  }

  move = (share: number): void => this.#choose(moved(this.#range(), share));

  zoom = (factor: number): void => this.#choose(zoomed(this.#range(), factor));

  destroy(): void {
    this.#settle();
    for (const end of this.#ends) end();
    for (const plot of this.#plots) plot.destroy();
  }

  #listen(): void {
    const target = {
      range: () => this.#range(),
      show: (range: TimeRange) => this.#choose(range),
      reset: () => {
        this.#settle();
        this.#options.onReset();
      },
    };
    this.#ends.push(keys(this.#host, target));
    for (const plot of this.#plots) this.#ends.push(gestures(plot.over, target));
    const resized = new ResizeObserver(() => {
      for (const plot of this.#plots) plot.setSize({ width: this.#host.clientWidth, height: plot.height });
    });
    resized.observe(this.#host);
    this.#ends.push(
      () => resized.disconnect(),
      onThemeChange(() => this.#plots.forEach((plot) => plot.redraw())),
    );
  }

  #whole = (): TimeRange => ({ from: this.#data.from * 1000, to: this.#data.to * 1000 });

  #range(): TimeRange {
    const { min, max } = this.#plots[0].scales['x'] ?? {};
    return { from: (min ?? this.#data.from) * 1000, to: (max ?? this.#data.to) * 1000 };
  }

  /** Nobody chose it: it is what the data are of. */
  #setRange({ from, to }: TimeRange): void {
    this.#isFollowing = true;
    for (const plot of this.#plots) plot.setScale('x', { min: from / 1000, max: to / 1000 });
    queueMicrotask(() => (this.#isFollowing = false));
  }

  #choose({ from, to }: TimeRange): void {
    this.#plots[0].setScale('x', { min: from / 1000, max: to / 1000 });
  }

  /** What happens to one plot happens to the other; uPlot tells in a microtask. */
  #onScale(plot: uPlot): void {
    if (this.#isFollowing) return;
    const { min, max } = plot.scales['x'] ?? {};
    if (min === undefined || max === undefined) return;
    for (const other of this.#plots)
      if (other !== plot && (other.scales['x']?.min !== min || other.scales['x'].max !== max))
        other.setScale('x', { min, max });
    this.#settle();
    this.#settling = setTimeout(() => {
      this.#settle();
      this.#options.onRange({ from: min * 1000, to: max * 1000 });
    }, SETTLED_MS);
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
  }
}
