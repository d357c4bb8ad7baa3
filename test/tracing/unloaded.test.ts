/** What a process loads, and what it refuses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { prepareMetricExport } from '../../src/app/metricExport.ts';
import { startTraceExport } from '../../src/app/traceExport.ts';
import { packageRoot } from '../../src/packageRoot.ts';

const built = (path: string): string => pathToFileURL(join(packageRoot, 'dist', 'src', path)).href;

/** Packages of OpenTelemetry that are loaded once the command is, and spans are sent if they are wanted. */
async function loaded(environment: Readonly<Record<string, string>>): Promise<string[]> {
  const program = `
    import Module from 'node:module';
    await import(${JSON.stringify(built('cli/commands/start.js'))});
    const { startTraceExport } = await import(${JSON.stringify(built('app/traceExport.js'))});
    const { prepareMetricExport } = await import(${JSON.stringify(built('app/metricExport.js'))});
    await startTraceExport(process.env, { version: '1', onLost: () => undefined });
    await prepareMetricExport(process.env, { version: '1', onLost: () => undefined });
    const names = Object.keys(Module._cache).flatMap((path) => /node_modules.(@opentelemetry.[^/\\\\]+)/.exec(path)?.[1] ?? []);
    console.log(JSON.stringify([...new Set(names)]));
    process.exit();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(said) as string[];
}

const RECEIVER = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };

describe('the SDK is loaded for a receiver, and for nothing else [TRACE-4]', () => {
  test('without one there is the API alone', async () => {
    expect(await loaded({})).toEqual(['@opentelemetry/api']);
  });

  test('with one there is the SDK', async () => {
    expect(await loaded(RECEIVER)).toEqual(expect.arrayContaining(['@opentelemetry/sdk-trace-node']));
  });

  test('metrics are sent when they are asked for, with traces or alone [TRACE-7]', async () => {
    const names = await loaded({ OTEL_METRICS_EXPORTER: 'otlp' });
    expect(names).toContain('@opentelemetry/exporter-metrics-otlp-http');
    expect(names).not.toContain('@opentelemetry/sdk-trace-node');
  });
});

const start = async (environment: Readonly<Record<string, string>>) =>
  await startTraceExport(environment, { version: '1', onLost: () => undefined });

const prepare = async (environment: Readonly<Record<string, string>>) =>
  await prepareMetricExport(environment, { version: '1', onLost: () => undefined });

describe('variables of OpenTelemetry [TRACE-4]', () => {
  test.each([
    ['none', {}],
    ['an empty address', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['OTEL_SDK_DISABLED', { ...RECEIVER, OTEL_SDK_DISABLED: 'true' }],
    ['OTEL_TRACES_EXPORTER', { ...RECEIVER, OTEL_TRACES_EXPORTER: 'none' }],
  ])('that leave traces off: %s', async (_what, environment) => {
    expect(await start(environment)).toBeNull();
  });

  const METRICS = { ...RECEIVER, OTEL_METRICS_EXPORTER: 'otlp' };

  test.each([
    ['none', {}, null],
    ['an address alone', RECEIVER, null],
    ['none of them is otlp', { ...RECEIVER, OTEL_METRICS_EXPORTER: 'prometheus, none' }, null],
    ['OTEL_SDK_DISABLED', { ...METRICS, OTEL_SDK_DISABLED: 'TRUE' }, null],
    ['otlp among others', { ...METRICS, OTEL_METRICS_EXPORTER: 'prometheus,otlp' }, 'http://127.0.0.1:4318'],
    ['no address', { OTEL_METRICS_EXPORTER: 'otlp' }, 'http://localhost:4318'],
    ['secrets in it', { ...METRICS, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://a:b@c:1/d?e' }, 'http://c:1'],
  ])('that say where metrics go: %s [TRACE-7]', async (_what, environment, description) => {
    expect((await prepare(environment))?.description ?? null).toBe(description);
  });

  test.each([
    ['OTEL_METRICS_EXPORTER', 'console', /must be otlp/],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'collector', /must be an address/],
    ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'grpc', /must be one of http/],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'delta', /must be cumulative/],
    ['OTEL_METRIC_EXPORT_INTERVAL', '0', /must be a whole number of milliseconds/],
    ['OTEL_METRIC_EXPORT_TIMEOUT', '30s', /must be a whole number of milliseconds/],
  ])('of metrics that are refused: %s=%s [TRACE-7]', async (name, value, message) => {
    const refused = prepare({ ...METRICS, [name]: value });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(name);
  });

  test.each([
    ['an address without http', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /OTLP_ENDPOINT: must be an address/],
    [
      'the one for traces is looked at first',
      { ...RECEIVER, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'ftp://collector' },
      /OTLP_TRACES_ENDPOINT: must be an address/,
    ],
    [
      'a protocol that Balde does not speak',
      { ...RECEIVER, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTLP_PROTOCOL: must be one of http\/protobuf, http\/json/,
    ],
  ])('that are refused: %s', async (_what, environment, message) => {
    await expect(start(environment)).rejects.toThrow(message);
  });
});
