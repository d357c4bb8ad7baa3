/**
 * What `src/tracing.ts` would be without traces: the same functions, and no call of OpenTelemetry in them. Loaded in
 * its place by `withoutTracing.ts`, so that a run of the same build tells what traces cost that nobody wants.
 */
import type * as Tracing from '../../src/tracing.ts';

/** Nobody looks at it: no code asks a span for anything but to keep something. */
const NOTHING = {
  setAttribute: () => NOTHING,
  setAttributes: () => NOTHING,
  setStatus: () => NOTHING,
} as unknown as Tracing.Span;

export const SpanKind = { INTERNAL: 0, SERVER: 1, CLIENT: 2, PRODUCER: 3, CONSUMER: 4 } as const;
export const NO_PARENT = {} as typeof Tracing.NO_PARENT;

export const traced: typeof Tracing.traced = async (_name, _options, work) => await work(NOTHING);
export const failed: typeof Tracing.failed = () => undefined;
export const activeSpan: typeof Tracing.activeSpan = () => null;
export const injectInto: typeof Tracing.injectInto = () => undefined;
export const carrying: typeof Tracing.carrying = (messages) => messages;
export const createdIn: typeof Tracing.createdIn = (_name, _options, message) => message;
export const joined: typeof Tracing.joined = () => ({ parent: NO_PARENT, links: [] });
