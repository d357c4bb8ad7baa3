/** Spans that are recorded in the process of the tests, and sent nowhere. */
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { traced } from '../../src/tracing.ts';

const exporter = new InMemorySpanExporter();

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

/** Those of a name that have ended, since they were last forgotten. */
export const spansOf = (name: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.name === name);

export const forgetSpans = (): void => exporter.reset();

/** What the work gave, and the span that was active meanwhile. */
export async function inSpan<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly traceId: string; readonly spanId: string }> {
  return await traced('test', {}, async (span) => {
    const { traceId, spanId } = span.spanContext();
    return { result: await work(), traceId, spanId };
  });
}
