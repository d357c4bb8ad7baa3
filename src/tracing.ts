/**
 * Spans, by OpenTelemetry's API alone: while no SDK is registered (src/app/otlp.ts) each of these does next to nothing.
 *
 * A trace travels from process to process in properties of messages, `traceparent` and `tracestate` of W3C Trace
 * Context. Nobody needs them: a message without them is read like any other, and nothing compares or counts them.
 */
import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Link, Span, SpanContext, SpanOptions, TextMapSetter } from '@opentelemetry/api';
import { messageOf } from './errors.ts';

export { SpanKind } from '@opentelemetry/api';
export type { Span } from '@opentelemetry/api';

interface Traced extends SpanOptions {
  /** What the span belongs to; the span that is active, when not given. */
  readonly parent?: Context;
}

interface WithProperties {
  readonly properties: Readonly<Record<string, string>>;
}

/** The property that is there whenever a message belongs to a trace. */
const TRACEPARENT = 'traceparent';

/** What the SDK keeps by default; a batch that catches up may join thousands. */
const MAX_LINKS = 128;

/** Begins a trace: nothing that is active is its parent. */
export const NO_PARENT: Context = ROOT_CONTEXT;

/** Does work in a span, which ends with it. An error marks the span, and goes on. */
export async function traced<T>(
  name: string,
  { parent = context.active(), ...options }: Traced,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return await trace.getTracer('balde').startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Marks a span as failed, for a work that tells so without an error, too. */
export function failed(span: Span, error: unknown): void {
  span.setAttribute('error.type', errorType(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
}

/** A code of gRPC, Postgres or the system says more than the class that they share. */
function errorType(error: unknown): string {
  if (typeof error === 'string') return error;
  if (!(error instanceof Error)) return '_OTHER';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The span that is active, if it belongs to a trace. */
export function activeSpan(): SpanContext | null {
  const active = trace.getActiveSpan()?.spanContext();
  return active !== undefined && trace.isSpanContextValid(active) ? active : null;
}

/** Hands the active span on to whom a request goes. */
export const injectInto = <T>(carrier: T, setter: TextMapSetter<T>): void =>
  propagation.inject(context.active(), carrier, setter);

/** The messages with the active span in their properties; as they are, without one. */
export function carrying<M extends WithProperties>(messages: readonly M[]): readonly M[] {
  const carried = carriedBy(context.active());
  if (carried[TRACEPARENT] === undefined) return messages;
  return messages.map((message) => ({ ...message, properties: { ...message.properties, ...carried } }));
}

function carriedBy(where: Context): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(where, carrier);
  return carrier;
}

/**
 * A message with a span of its own, the one that made it: to be sent later, perhaps by another process.
 * @param findCause the message that is the reason for this one: its trace is gone on with, where the active span joins
 *   several
 */
export function createdIn<M extends WithProperties>(
  name: string,
  options: SpanOptions,
  message: M,
  findCause: () => WithProperties | undefined,
): M {
  const active = activeSpan();
  if (active === null) return message;
  const cause = findCause();
  const [origin] = originsOf(cause === undefined ? [] : [cause]);
  const isOther = origin !== undefined && trace.getSpanContext(origin)?.traceId !== active.traceId;
  const parent = isOther ? origin : context.active();
  const links = isOther ? [{ context: active }] : [];
  const span = trace.getTracer('balde').startSpan(name, { ...options, links }, parent);
  span.end();
  const properties = { ...message.properties, ...carriedBy(trace.setSpan(parent, span)) };
  return { ...message, properties };
}

/**
 * Where work on several messages belongs: to the span that they come from, if that is one; else to a trace of its own,
 * with a link to each, or to the last ones of very many.
 */
export function joined(messages: readonly WithProperties[]): { readonly parent: Context; readonly links: Link[] } {
  const origins = originsOf(messages);
  const [first] = origins;
  if (first !== undefined && origins.length === 1) return { parent: first, links: [] };
  return {
    parent: NO_PARENT,
    links: origins.slice(-MAX_LINKS).flatMap((origin) => {
      const linked = trace.getSpanContext(origin);
      return linked === undefined ? [] : [{ context: linked }];
    }),
  };
}

/** The different spans that messages come from. Those of one poll come from the same one, and lie together. */
function originsOf(messages: readonly WithProperties[]): Context[] {
  const origins = new Map<string, Context>();
  let last: string | undefined;
  for (const { properties } of messages) {
    const text = properties[TRACEPARENT];
    if (text === undefined || text === last) continue;
    last = text;
    if (!origins.has(text)) origins.set(text, propagation.extract(ROOT_CONTEXT, properties));
  }
  return [...origins.values()].filter((origin) => trace.getSpanContext(origin) !== undefined);
}
