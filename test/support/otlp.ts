/** A receiver of OTLP over HTTP, for spans and metrics as JSON: what a collector would get. */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll } from 'vitest';

/** https://github.com/open-telemetry/opentelemetry-proto, as JSON. */
interface WireValue {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}

interface WireAttribute {
  readonly key: string;
  readonly value: WireValue;
}

interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: readonly WireAttribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface WireRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: readonly WireAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface WirePoint {
  readonly attributes?: readonly WireAttribute[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asDouble?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly bucketCounts?: readonly number[];
  readonly explicitBounds?: readonly number[];
}

interface WireMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly gauge?: { readonly dataPoints: readonly WirePoint[] };
  readonly sum?: WireTotal & { readonly isMonotonic: boolean };
  readonly histogram?: WireTotal;
}

interface WireTotal {
  readonly aggregationTemporality: number;
  readonly dataPoints: readonly WirePoint[];
}

interface WireMetrics {
  readonly resourceMetrics: readonly {
    readonly resource?: { readonly attributes?: readonly WireAttribute[] };
    readonly scopeMetrics: readonly { readonly metrics: readonly WireMetric[] }[];
  }[];
}

const CUMULATIVE = 2;

const KINDS = ['', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
const ERROR = 2;

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** `null`: it begins its trace. */
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  readonly attributes: Attributes;
  /** Ids of spans. */
  readonly links: readonly string[];
  /** What an error says; `null` without one. */
  readonly error: string | null;
  readonly resource: Attributes;
}

/** As it came, and what kind it is. */
export interface ReceivedMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  /** A total is cumulative; `sum` rises only. */
  readonly type: 'gauge' | 'sum' | 'histogram';
  readonly points: readonly (WirePoint & { readonly labels: Attributes })[];
  readonly resource: Attributes;
}

export interface OtlpReceiver {
  /** `http://127.0.0.1:4318` */
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Of each request its own. */
  readonly metrics: ReceivedMetric[][];
  /** Content type of each request, and the bytes of those that are no JSON. */
  readonly requests: { readonly type: string; readonly path: string; readonly body: string }[];
  /** Requests are taken and never answered. */
  isSilent: boolean;
}

/** Closed after the file's tests. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const server = createServer((request, response) => {
    void read(request).then(() => {
      if (!receiver.isSilent) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  const read = async (request: IncomingMessage): Promise<void> => {
    const body = await text(request);
    const type = request.headers['content-type'] ?? '';
    receiver.requests.push({ type, path: request.url ?? '', body });
    if (type !== 'application/json') return;
    if (request.url === '/v1/metrics') receiver.metrics.push(metricsOf(JSON.parse(body) as WireMetrics));
    else receiver.spans.push(...spansOf(JSON.parse(body) as WireRequest));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${port}`,
    spans: [],
    metrics: [],
    requests: [],
    isSilent: false,
  };
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return receiver;
}

const spansOf = ({ resourceSpans }: WireRequest): ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(span, attributesOf(resource?.attributes)))),
  );

const spanOf = (wire: WireSpan, resource: Attributes): ReceivedSpan => ({
  traceId: wire.traceId,
  spanId: wire.spanId,
  parentSpanId: wire.parentSpanId ?? null,
  name: wire.name,
  kind: KINDS[wire.kind] ?? '',
  attributes: attributesOf(wire.attributes),
  links: (wire.links ?? []).map(({ spanId }) => spanId),
  error: wire.status?.code === ERROR ? (wire.status.message ?? '') : null,
  resource,
});

const metricsOf = ({ resourceMetrics }: WireMetrics): ReceivedMetric[] =>
  resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics.map((wire) => metricOf(wire, attributesOf(resource?.attributes)))),
  );

function metricOf(
  { name, description, unit, gauge, sum, histogram }: WireMetric,
  resource: Attributes,
): ReceivedMetric {
  const kinds = { gauge, sum, histogram } as const;
  const [type] = (['gauge', 'sum', 'histogram'] as const).filter((kind) => kinds[kind] !== undefined);
  if (type === undefined) throw new Error(`${name} is of no kind`);
  const isTotal = sum === undefined || sum.isMonotonic;
  const totals = [sum, histogram].every((one) => one === undefined || one.aggregationTemporality === CUMULATIVE);
  if (!isTotal || !totals) throw new Error(`${name} is no cumulative total`);
  const points = (kinds[type]?.dataPoints ?? []).map((point) => ({ ...point, labels: attributesOf(point.attributes) }));
  return { name, description, unit, type, points, resource };
}

const attributesOf = (attributes: readonly WireAttribute[] = []): Attributes =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ??
        value.boolValue ??
        value.doubleValue ??
        (value.intValue === undefined ? undefined : Number(value.intValue)),
    ]),
  );
