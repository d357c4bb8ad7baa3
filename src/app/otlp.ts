/**
 * OpenTelemetry's SDK, with what sends spans by OTLP: loaded by `traceExport.ts` when somebody receives them, and by
 * nobody else. It reads its variables (`OTEL_…`) itself.
 */
import { hostname } from 'node:os';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { messageOf } from '../errors.ts';
import { within } from '../waiting.ts';

/** How long spans that are left may take at the end. Milliseconds. */
const LAST_SPANS_MS = 3_000;
/** A receiver that is away is told of once in this time. Milliseconds. */
const TOLD_EVERY_MS = 60_000;

export interface TraceExport {
  /** Where spans are sent, without secrets. */
  readonly description: string;
  /** Sends what is left, for a few seconds at most. */
  stop(): Promise<void>;
}

export interface TraceExportOptions {
  /** `service.version`. */
  readonly version: string;
  /** Told, at most once a minute, what OpenTelemetry complains of: mostly that spans could not be sent. */
  readonly onLost: (reason: string) => void;
}

export type OtlpProtocol = 'http/protobuf' | 'http/json';

interface Options extends TraceExportOptions {
  readonly protocol: OtlpProtocol;
  readonly description: string;
}

/** From now on spans are recorded and sent, in the whole process. */
export function exportTraces({ version, protocol, description, onLost }: Options): TraceExport {
  const complain = seldom(onLost);
  const quiet = (): void => undefined;
  const said = { error: complain, warn: complain, info: quiet, debug: quiet, verbose: quiet };
  diag.setLogger(said, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  setGlobalErrorHandler((error) => complain(textOf(error)));
  const exporter = protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter();
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'balde', 'service.version': version, 'host.name': hostname() }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register({ propagator: new W3CTraceContextPropagator() });
  const stop = async (): Promise<void> => {
    const late = (): void => onLost(`${description} did not take the last ones in time`);
    await within(LAST_SPANS_MS, provider.shutdown(), late).catch((error: unknown) => onLost(textOf(error)));
  };
  return { description, stop };
}

/** The same is said again with each batch. */
function seldom(tell: (reason: string) => void): (reason: string) => void {
  let next = -Infinity;
  return (reason) => {
    if (performance.now() < next) return;
    next = performance.now() + TOLD_EVERY_MS;
    tell(reason);
  };
}

/** Several addresses that are tried in vain give an error without a message. */
const textOf = (error: unknown): string =>
  messageOf(error instanceof AggregateError ? (error.errors[0] ?? error) : error);
