/** Metrics by OTLP against a receiver: the same as /metrics shows at that moment. */
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { prepareMetricExport } from '../../src/app/metricExport.ts';
import { metricsOf } from '../../src/app/metricsOf.ts';
import { loadConfig } from '../../src/config/config.ts';
import { ROLES } from '../../src/config/roles.ts';
import type { Labels, MetricSpec } from '../../src/serve/instruments.ts';
import type { Metrics } from '../../src/serve/metrics.ts';
import { PARTICIPANT, seed } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { startOtlpReceiver } from '../support/otlp.ts';
import type { ReceivedMetric } from '../support/otlp.ts';
import { seriesOf } from './expositions.ts';

const { database, log } = await baldeDatabase();
const config = loadConfig({ PARTICIPANT, BRIDGE_ADDRESS: '127.0.0.1:1', ARCHIVE_DIR: 'archive' });

beforeAll(async () => {
  await seed(database, log, Date.now());
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** What the exporter of a process with these variables sends when it ends, and what it complains of. */
async function sent(metrics: Metrics, environment: Readonly<Record<string, string>>): Promise<string[]> {
  // The SDK reads its variables itself.
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const lost: string[] = [];
  const onLost = (what: string, reason: string): void => void lost.push(`${what}: ${reason}`);
  const made = await prepareMetricExport(
    { OTEL_METRICS_EXPORTER: 'otlp', ...environment },
    { version: '1.2.3', onLost },
  );
  await made?.run(metrics, AbortSignal.abort());
  return lost;
}

/** As an exposition has them. */
const seriesSent = (metrics: readonly ReceivedMetric[]): Map<string, number | undefined> =>
  new Map(
    metrics.flatMap(({ name, type, points }) =>
      points.flatMap(({ labels, asDouble, sum, count, bucketCounts = [], explicitBounds = [] }) => {
        if (type !== 'histogram') return [[keyOf(name, labels), asDouble]] as const;
        const upTo = (i: number): number => bucketCounts.slice(0, i + 1).reduce((all, one) => all + one, 0);
        const buckets = [...explicitBounds, '+Inf'].map(
          (le, i) => [keyOf(`${name}_bucket`, { ...labels, le: String(le) }), upTo(i)] as const,
        );
        return [...buckets, [keyOf(`${name}_sum`, labels), sum], [keyOf(`${name}_count`, labels), count]] as const;
      }),
    ),
  );

const keyOf = (name: string, labels: ReceivedMetric['points'][number]['labels']): string => {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${String(value)}"`);
  return `${name}{${pairs.sort().join(',')}}`;
};

/** What only one process would tell in time. */
function tellEverything(metrics: Metrics): void {
  const labelled = ({ labels }: MetricSpec): Labels => Object.fromEntries(labels.map((label) => [label, `a ${label}`]));
  for (const spec of metrics.declared.filter(({ source }) => source === 'process')) {
    if (spec.kind === 'counter') metrics.count(spec, labelled(spec), 3);
    else if (spec.kind === 'gauge') metrics.set(spec, labelled(spec), -1.5);
    else for (const value of [0.02, 0.3, 0.3, 1e6]) metrics.measure(spec, labelled(spec), value);
  }
}

/** Nothing is rebuilt, retained, forecast or known of refills here. */
const NOT_THERE_YET =
  /rebuild|retention_last|certificate|forecast_empty|consumption_rate_per_minute|error_404|unexplained/;

const TYPES = { gauge: 'gauge', sum: 'counter', histogram: 'histogram' } as const;

describe('metrics by OTLP', () => {
  test('are those of /metrics: values, labels, types, units and help [TRACE-7]', async () => {
    const receiver = await startOtlpReceiver();
    const metrics = metricsOf({ config, roles: ROLES, watched: database, log });
    tellEverything(metrics);
    const to = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
    expect(await sent(metrics, { ...to, OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test' })).toEqual([]);
    const [received = [], ...others] = receiver.metrics;
    expect([others, receiver.requests.map(({ path }) => path)]).toEqual([[], ['/v1/metrics']]);

    const shown = await metrics.exposition();
    expect(seriesSent(received)).toEqual(seriesOf(shown));
    const told = [...shown.matchAll(/^# (TYPE|HELP) (\w+) (.+)$/gm)].map(([line]) => line);
    const said = received.flatMap(({ name, type, description }) => [
      `# HELP ${name} ${description}`,
      `# TYPE ${name} ${TYPES[type]}`,
    ]);
    const withSeries = new Set(received.map(({ name }) => name));
    expect(said.sort()).toEqual(told.filter((line) => withSeries.has(line.split(' ')[2] ?? '')).sort());
    const absent = metrics.declared.map(({ name }) => name).filter((name) => !withSeries.has(name));
    expect(absent.filter((name) => !NOT_THERE_YET.test(name))).toEqual([]);

    const unit = (name: string): string | undefined => received.find((one) => one.name === name)?.unit;
    expect(unit('balde_commit_duration_seconds')).toBe('s');
    expect(unit('dict_rate_limit_utilization_percent')).toBe('%');
    expect(unit('dict_rate_limit_available_tokens')).toBe('{token}');
    expect(unit('dict_rate_limit_consumption_rate_low_per_minute')).toBe('{token}/min');
    expect(unit('balde_polls_total')).toBe('');
    expect(received.filter(({ name, unit: of }) => (of === 's') !== name.endsWith('_seconds'))).toEqual([]);
    expect(received[0]?.resource).toMatchObject({
      ...{ 'service.name': 'balde', 'service.version': '1.2.3', 'deployment.environment.name': 'test' },
      'service.instance.id': expect.stringContaining(String(process.pid)) as string,
    });
  });

  test('of this process count from its start; how long tables have counted is not known [TRACE-7]', async () => {
    const receiver = await startOtlpReceiver();
    const metrics = metricsOf({ config, roles: ROLES, watched: database, log });
    tellEverything(metrics);
    await sent(metrics, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
    const starts = (name: string): number[] => {
      const points = receiver.metrics[0]?.find((one) => one.name === name)?.points ?? [];
      return [...new Set(points.map(({ startTimeUnixNano }) => Math.round(Number(startTimeUnixNano) / 1e6)))];
    };
    expect(starts('balde_polls_total')).toEqual([Math.round(performance.timeOrigin)]);
    expect(starts('balde_commit_duration_seconds')).toEqual([Math.round(performance.timeOrigin)]);
    expect(starts('dict_rate_limit_alerts_created_total')).toEqual([0]);
  });

  test('go to an address of their own as Protobuf, unless told otherwise [TRACE-7]', async () => {
    const receiver = await startOtlpReceiver();
    const metrics = metricsOf({ config, roles: ROLES, watched: database, log });
    const nowhere = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
    await sent(metrics, { ...nowhere, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.url}/own/v1/metrics` });
    expect(receiver.requests.map(({ type, path }) => [type, path])).toEqual([
      ['application/x-protobuf', '/own/v1/metrics'],
    ]);
    expect(receiver.requests[0]?.body).toContain('dict_rate_limit_available_tokens');
  });

  test('are not sent while the database does not answer: half would read as all [TRACE-8]', async () => {
    const receiver = await startOtlpReceiver();
    const away = { transaction: async () => await Promise.reject(new Error('the database is away')) };
    const metrics = metricsOf({ config, roles: ROLES, watched: away, log });
    const lost = await sent(metrics, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    expect(lost).toEqual([expect.stringMatching(/^metrics: .*the database is away/)]);
    expect(receiver.requests).toEqual([]);
  });
});
