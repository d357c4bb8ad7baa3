/**
 * Where spans go: nowhere, until OpenTelemetry's variables name a receiver. Only then is its SDK loaded (otlp.ts).
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
import type { Environment } from '../config/sources.ts';
import { UsageError } from '../errors.ts';
import type { OtlpProtocol, TraceExport, TraceExportOptions } from './otlp.ts';

/** @returns `null`: spans are not wanted. @throws {UsageError} the receiver's address or protocol can't be used */
export async function startTraceExport(
  environment: Environment,
  options: TraceExportOptions,
): Promise<TraceExport | null> {
  const endpoint = endpointOf(environment);
  if (endpoint === null) return null;
  const protocol = protocolOf(environment);
  const { exportTraces } = await import('./otlp.ts');
  return exportTraces({ ...options, protocol, description: describe(endpoint) });
}

const GENERAL = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const FOR_TRACES = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';

function endpointOf(environment: Environment): URL | null {
  const of = (name: string): string => environment[name]?.trim() ?? '';
  if (of('OTEL_SDK_DISABLED').toLowerCase() === 'true' || of('OTEL_TRACES_EXPORTER').toLowerCase() === 'none')
    return null;
  const name = of(FOR_TRACES) === '' ? GENERAL : FOR_TRACES;
  const address = of(name);
  if (address === '') return null;
  if (/^https?:\/\/[^/]/.test(address) && URL.canParse(address)) return new URL(address);
  throw new UsageError(`${name}: must be an address of the form http://host:4318`);
}

const PROTOCOLS: readonly OtlpProtocol[] = ['http/protobuf', 'http/json'];

function protocolOf(environment: Environment): OtlpProtocol {
  const names = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'];
  const name = names.find((one) => (environment[one]?.trim() ?? '') !== '');
  if (name === undefined) return 'http/protobuf';
  const protocol = PROTOCOLS.find((one) => one === environment[name]?.trim());
  if (protocol !== undefined) return protocol;
  throw new UsageError(`${name}: must be one of ${PROTOCOLS.join(', ')}; a collector takes both at port 4318`);
}

const describe = ({ protocol, host }: URL): string => `${protocol}//${host}`;
