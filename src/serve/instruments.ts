/** Metrics as data: what each is, and the registry that holds them. The one place that knows the client library. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricObjectWithValues, MetricValueWithName } from 'prom-client';
import { inChunks } from '../chunks.ts';
import { required } from '../required.ts';

interface SpecOf<K extends 'counter' | 'gauge' | 'histogram'> {
  readonly kind: K;
  readonly name: string;
  /** One sentence without a full stop, for people. */
  readonly help: string;
  readonly labels: readonly string[];
  /**
   * Where its values come from:
   * - `tables`: read at each scrape, and the same on every replica;
   * - `sample`: read every few seconds when scraped, and the same on every replica;
   * - `process`: what this process itself did.
   */
  readonly source: 'tables' | 'sample' | 'process';
}

export type CounterSpec = SpecOf<'counter'>;
export type GaugeSpec = SpecOf<'gauge'>;
export interface HistogramSpec extends SpecOf<'histogram'> {
  /** Upper bounds, rising, in the metric's unit. */
  readonly buckets: readonly number[];
}
export type MetricSpec = CounterSpec | GaugeSpec | HistogramSpec;

/** A gauge's declaration, for modules that declare several of one source. */
export const gaugeFrom =
  (source: GaugeSpec['source']) =>
  (name: string, help: string, labels: readonly string[]): GaugeSpec => ({ kind: 'gauge', name, help, labels, source });

export type Labels = Readonly<Record<string, string>>;
/** One series of a gauge or counter. */
export type Series = readonly [labels: Labels, value: number];

/** One series of a histogram. */
export interface Distribution {
  readonly labels: Labels;
  /** Of each bucket by itself, the last one's being those above all bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** What a metric says now; without series, nothing. */
export type Reading =
  | { readonly kind: 'counter' | 'gauge'; readonly spec: CounterSpec | GaugeSpec; readonly series: readonly Series[] }
  | { readonly kind: 'histogram'; readonly spec: HistogramSpec; readonly series: readonly Distribution[] };

interface Made {
  readonly spec: MetricSpec;
  readonly counter?: Counter;
  readonly gauge?: Gauge;
  readonly histogram?: Histogram;
}

export class Instruments {
  readonly #registry = new Registry();
  readonly #made = new Map<string, Made>();

  /** Everything that is declared, in order of name. */
  get declared(): readonly MetricSpec[] {
    return [...this.#made.values()].map(({ spec }) => spec).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async exposition(): Promise<string> {
    return await this.#registry.metrics();
  }

  /** The same as the exposition, as data. */
  async readings(): Promise<Reading[]> {
    const read = (await this.#registry.getMetricsAsJSON()) as MetricObjectWithValues<MetricValueWithName<string>>[];
    return read.map(({ name, values }): Reading => {
      const { spec } = required(this.#made.get(name), `${name} was declared`);
      if (spec.kind === 'histogram') return { kind: spec.kind, spec, series: distributionsOf(spec, values) };
      return { kind: spec.kind, spec, series: values.map(({ labels, value }): Series => [textsOf(labels), value]) };
    });
  }

  /** Makes the metric without a series: its name, type and help are shown. */
  declare(spec: MetricSpec): void {
    this.#of(spec);
  }

  /** @param by 0 makes the series begin at 0 */
  count(spec: CounterSpec, labels: Labels, by = 1): void {
    required(this.#of(spec).counter, `${spec.name} is a counter`).inc({ ...labels }, by);
  }

  set(spec: GaugeSpec, labels: Labels, value: number): void {
    this.#gauge(spec).set({ ...labels }, value);
  }

  /** The series is no longer shown. */
  remove(spec: GaugeSpec, labels: Labels): void {
    this.#gauge(spec).remove({ ...labels });
  }

  /** These series and no others. */
  replace(spec: GaugeSpec, series: readonly Series[]): void {
    const gauge = this.#gauge(spec);
    gauge.reset();
    for (const [labels, value] of series) gauge.set({ ...labels }, value);
    // What has no labels was set to 0 by the reset, which nobody measured.
    if (series.length === 0) unset(gauge);
  }

  /** The same for a counter whose truth lies elsewhere. */
  recount(spec: CounterSpec, series: readonly Series[]): void {
    const counter = required(this.#of(spec).counter, `${spec.name} is a counter`);
    counter.reset();
    for (const [labels, value] of series) counter.inc({ ...labels }, value);
  }

  measure(spec: HistogramSpec, labels: Labels, value: number): void {
    required(this.#of(spec).histogram, `${spec.name} is a histogram`).observe({ ...labels }, value);
  }

  /** The series is there with a count of 0. */
  beginMeasure(spec: HistogramSpec, labels: Labels): void {
    required(this.#of(spec).histogram, `${spec.name} is a histogram`).zero({ ...labels });
  }

  #gauge(spec: GaugeSpec): Gauge {
    return required(this.#of(spec).gauge, `${spec.name} is a gauge`);
  }

  #of(spec: MetricSpec): Made {
    const known = this.#made.get(spec.name);
    if (known !== undefined) return known;
    const { name, help } = spec;
    const options = { name, help, labelNames: [...spec.labels], registers: [this.#registry] };
    const made: Made =
      spec.kind === 'counter'
        ? { spec, counter: new Counter(options) }
        : spec.kind === 'gauge'
          ? { spec, gauge: unset(new Gauge(options)) }
          : { spec, histogram: new Histogram({ ...options, buckets: [...spec.buckets] }) };
    this.#made.set(name, made);
    return made;
  }
}

/** Without labels a gauge begins at 0, which nobody measured. */
function unset(gauge: Gauge): Gauge {
  gauge.remove({});
  return gauge;
}

const textsOf = (labels: Partial<Record<string, string | number>>): Labels =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));

/** The library gives each series as its buckets, which count all below them, then its sum, then its count. */
function distributionsOf(
  { name, buckets }: HistogramSpec,
  values: readonly MetricValueWithName<string>[],
): Distribution[] {
  const pieces = inChunks(values, { items: buckets.length + 3, size: Infinity }, () => 1);
  return Array.from(pieces, (series) => {
    const below = series.filter(({ metricName }) => metricName === `${name}_bucket`).map(({ value }) => value);
    const valueOf = (what: string): MetricValueWithName<string> =>
      required(
        series.find(({ metricName }) => metricName === `${name}_${what}`),
        `a series of ${name} has its ${what}`,
      );
    const [sum, count] = [valueOf('sum'), valueOf('count')];
    const counts = below.map((value, i) => value - (below[i - 1] ?? 0));
    return { labels: textsOf(count.labels), counts, sum: sum.value, count: count.value };
  });
}
