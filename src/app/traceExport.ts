/** Where spans go: nowhere, until OpenTelemetry's variables name a receiver. Only then is its SDK loaded (otlp.ts). */
import type { Environment } from '../config/sources.ts';
import type { TraceExport } from './otlp.ts';
import type { OtlpOptions } from './otlpProcess.ts';
import { described, endpointOf, isDisabled, protocolOf, variable } from './otlpSettings.ts';

/** @returns `null`: spans are not wanted. @throws {UsageError} the receiver's address or protocol can't be used */
export async function startTraceExport(environment: Environment, options: OtlpOptions): Promise<TraceExport | null> {
  if (isDisabled(environment) || variable(environment, 'OTEL_TRACES_EXPORTER').toLowerCase() === 'none') return null;
  const endpoint = endpointOf(environment, ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']);
  if (endpoint === null) return null;
  const protocol = protocolOf(environment, ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']);
  const { exportTraces } = await import('./otlp.ts');
  return exportTraces({ ...options, protocol, description: described(endpoint) });
}
