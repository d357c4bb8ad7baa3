/**
 * Where spans go: nowhere, until OpenTelemetry's variables name a receiver. Only then is its SDK loaded (otlp.ts).
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
import type { Environment } from '../config/sources.ts';
import { UsageError } from '../errors.ts';

export interface TraceExport {
  /** Where spans are sent, without secrets. */
  readonly description: string;
  /** Sends what is left, for a few seconds at most. */
  stop(): Promise<void>;
}

export interface TraceExportOptions {
  /** `service.version`. */
  readonly version: string;
  /** Told, at most once a minute, why spans could not be sent. Work goes on without them. */
  readonly onLost: (reason: string) => void;
}

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

export const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
export type OtlpProtocol = (typeof PROTOCOLS)[number];

function protocolOf(environment: Environment): OtlpProtocol {
  const names = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'];
  const name = names.find((one) => (environment[one]?.trim() ?? '') !== '');
  if (name === undefined) return 'http/protobuf';
  const protocol = PROTOCOLS.find((one) => one === environment[name]?.trim());
  if (protocol !== undefined) return protocol;
  throw new UsageError(`${name}: must be one of ${PROTOCOLS.join(', ')}; a collector takes both at port 4318`);
}

const describe = ({ protocol, host }: URL): string => `${protocol}//${host}`;
