/**
 * Where metrics are sent, beside being served: nowhere, until OpenTelemetry's variables ask for it. Only then is its
 * SDK loaded (otlpMetrics.ts).
 */
import type { Environment } from '../config/sources.ts';
import { UsageError } from '../errors.ts';
import type { MetricExport } from './otlpMetrics.ts';
import type { OtlpOptions } from './otlpProcess.ts';
import { described, endpointOf, isDisabled, protocolOf, variable } from './otlpSettings.ts';

/** What the exporter takes when no variable names an address. */
const DEFAULT_ENDPOINT = new URL('http://localhost:4318');

/** @returns `null`: metrics are not to be sent. @throws {UsageError} a variable can't be used, and which */
export async function prepareMetricExport(
  environment: Environment,
  options: OtlpOptions,
): Promise<MetricExport | null> {
  if (isDisabled(environment) || !exportersOf(environment).includes('otlp')) return null;
  const names = ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
  const endpoint = endpointOf(environment, names) ?? DEFAULT_ENDPOINT;
  const protocol = protocolOf(environment, ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']);
  refuseDifferences(environment);
  const everyMs = millisecondsOf(environment, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000);
  const timeoutMs = Math.min(everyMs, millisecondsOf(environment, 'OTEL_METRIC_EXPORT_TIMEOUT', 30_000));
  const { metricExport } = await import('./otlpMetrics.ts');
  return metricExport({ ...options, protocol, everyMs, timeoutMs, description: described(endpoint) });
}

/** `prometheus` is what Balde does anyway. */
const EXPORTERS = ['otlp', 'prometheus', 'none'];

function exportersOf(environment: Environment): readonly string[] {
  const names = variable(environment, 'OTEL_METRICS_EXPORTER').toLowerCase();
  const list = names.split(',').map((name) => name.trim());
  if (names === '' || list.every((name) => EXPORTERS.includes(name))) return list;
  throw new UsageError(
    `OTEL_METRICS_EXPORTER: must be otlp to send metrics, none or prometheus not to; /metrics is served in any case`,
  );
}

/** What is sent is what /metrics shows: totals. */
function refuseDifferences(environment: Environment): void {
  const name = 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE';
  if (['', 'cumulative'].includes(variable(environment, name).toLowerCase())) return;
  throw new UsageError(
    `${name}: must be cumulative, or not set; a collector makes differences (its processor cumulativetodelta)`,
  );
}

/** The longest that a timer can wait. */
const MAX_MS = 2 ** 31 - 1;

function millisecondsOf(environment: Environment, name: string, otherwise: number): number {
  const text = variable(environment, name);
  if (text === '') return otherwise;
  const ms = /^\d+$/.test(text) ? Number(text) : 0;
  if (ms >= 1 && ms <= MAX_MS) return ms;
  throw new UsageError(`${name}: must be a whole number of milliseconds, such as ${otherwise}`);
}
