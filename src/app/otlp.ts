/**
 * OpenTelemetry's SDK, with what sends spans by OTLP: loaded by `traceExport.ts` when somebody receives them, and by
 * nobody else. It reads its variables (`OTEL_…`) itself.
 */
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { hearComplaints, resourceOf, sendLast } from './otlpProcess.ts';
import type { OtlpOptions } from './otlpProcess.ts';
import type { OtlpProtocol } from './otlpSettings.ts';

export interface TraceExport {
  /** Where spans are sent, without secrets. */
  readonly description: string;
  /** Sends what is left, for a few seconds at most. */
  stop(): Promise<void>;
}

interface Options extends OtlpOptions {
  readonly protocol: OtlpProtocol;
  readonly description: string;
}

/** From now on spans are recorded and sent, in the whole process. */
export function exportTraces({ version, protocol, description, onLost }: Options): TraceExport {
  hearComplaints(onLost);
  const exporter = protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter();
  const provider = new NodeTracerProvider({
    resource: resourceOf(version),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register({ propagator: new W3CTraceContextPropagator() });
  const stop = async (): Promise<void> => await sendLast('spans', provider.shutdown(), { description, onLost });
  return { description, stop };
}
