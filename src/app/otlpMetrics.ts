/**
 * OpenTelemetry's SDK, with what sends metrics by OTLP: loaded by `metricExport.ts` when they are to be sent, and by
 * nobody else. The registry behind /metrics is the only source: the SDK asks it at its intervals and sends what it
 * says.
 * https://opentelemetry.io/docs/specs/otel/metrics/data-model/
 */
import { ValueType } from '@opentelemetry/api';
import type { HrTime } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { CollectionResult, DataPoint, Histogram, MetricData, MetricProducer } from '@opentelemetry/sdk-metrics';
import type { Distribution, HistogramSpec, Labels, Reading } from '../serve/instruments.ts';
import type { Metrics } from '../serve/metrics.ts';
import { hearComplaints, resourceOf, sendLast } from './otlpProcess.ts';
import type { OtlpOptions } from './otlpProcess.ts';
import type { OtlpProtocol } from './otlpSettings.ts';

type MetricSource = Pick<Metrics, 'read'>;

export interface MetricExport {
  /** Where metrics are sent, without secrets. */
  readonly description: string;
  /** Sends until aborted, and then once more, for a few seconds at most. Does not fail. */
  run(source: MetricSource, signal: AbortSignal): Promise<void>;
}

interface Options extends OtlpOptions {
  readonly protocol: OtlpProtocol;
  readonly description: string;
  readonly everyMs: number;
  /** Of one attempt; not more than `everyMs`. */
  readonly timeoutMs: number;
}

export function metricExport({ version, protocol, description, everyMs, timeoutMs, onLost }: Options): MetricExport {
  const run = async (source: MetricSource, signal: AbortSignal): Promise<void> => {
    hearComplaints(onLost);
    const provider = new MeterProvider({
      resource: resourceOf(version),
      readers: [
        new PeriodicExportingMetricReader({
          exporter: protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter(),
          ...{ exportIntervalMillis: everyMs, exportTimeoutMillis: timeoutMs },
          metricProducers: [producer(source)],
        }),
      ],
    });
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await sendLast('metrics', provider.shutdown(), { description, onLost });
  };
  return { description, run };
}

/** Where the database does not answer nothing is sent, as nothing is served then: half would read as all. */
function producer(source: MetricSource): MetricProducer {
  const begun = millisToHrTime(performance.timeOrigin);
  const collect = async (): Promise<CollectionResult> => {
    const of = (metrics: MetricData[], errors: unknown[]): CollectionResult => ({
      resourceMetrics: {
        resource: emptyResource(),
        scopeMetrics: metrics.length === 0 ? [] : [{ scope: { name: 'balde' }, metrics }],
      },
      errors,
    });
    try {
      const readings = await source.read();
      const now = millisToHrTime(Date.now());
      return of(metricsOf(readings, begun, now), []);
    } catch (error) {
      return of([], [error]);
    }
  };
  return { collect };
}

/** Since when is not known of totals that tables keep: 0 says so, and no process that begins resets them. */
const UNKNOWN: HrTime = [0, 0];

/** @param begun when this process began to count */
const metricsOf = (readings: readonly Reading[], begun: HrTime, endTime: HrTime): MetricData[] =>
  readings
    .filter(({ series }) => series.length > 0)
    .map((reading): MetricData => {
      const { name, help, source } = reading.spec;
      const startTime = source === 'process' ? begun : UNKNOWN;
      const shared = {
        descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
      };
      const point = <T>(labels: Labels, value: T): DataPoint<T> => ({
        ...{ startTime, endTime, value },
        attributes: { ...labels },
      });
      if (reading.kind === 'histogram') {
        const { spec, series } = reading;
        const dataPoints = series.map((one) => point(one.labels, histogramOf(spec, one)));
        return { ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints };
      }
      const dataPoints = reading.series.map(([labels, value]) => point(labels, value));
      if (reading.kind === 'gauge') return { ...shared, dataPointType: DataPointType.GAUGE, dataPoints };
      return { ...shared, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
    });

const histogramOf = ({ buckets }: HistogramSpec, { counts, sum, count }: Distribution): Histogram => ({
  ...{ sum, count },
  buckets: { boundaries: [...buckets], counts: [...counts] },
});

/** By Prometheus' convention a name ends with its unit; https://ucum.org has OpenTelemetry's words for them. */
const UNITS: readonly (readonly [ending: RegExp, unit: string])[] = [
  [/_seconds$/, 's'],
  [/_percent$/, '%'],
  [/_ratio$/, '1'],
  [/_tokens$/, '{token}'],
  [/_per_minute$/, '{token}/min'],
];

/** Empty where the name has none: a count of something. */
const unitOf = (name: string): string => UNITS.find(([ending]) => ending.test(name.replace(/_total$/, '')))?.[1] ?? '';
