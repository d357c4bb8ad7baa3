/** HTTP for machines: /metrics, /healthz, /readyz. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readiness } from './health.ts';
import type { HealthOptions } from './health.ts';
import type { Metrics } from './metrics.ts';

export interface ServeOptions extends HealthOptions {
  readonly metrics: Metrics;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface RunningServer {
  /** `http://host:port` */
  readonly url: string;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @throws {Error} with code EADDRINUSE and the like: the port is taken, the host is none of this machine's */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const server = createServer((request, response) => void respond(options, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function respond(
  options: ServeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await route(options, request).catch((error: unknown) =>
    text(503, error instanceof Error ? error.message : String(error)),
  );
  response.writeHead(answer.status, { 'content-type': answer.type, ...answer.headers });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function route(options: ServeOptions, { method, url }: IncomingMessage): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD')
    return { ...text(405, 'only GET and HEAD are served'), headers: { allow: 'GET, HEAD' } };
  switch (url?.split('?')[0]) {
    case '/metrics':
      return {
        status: 200,
        type: options.metrics.registry.contentType,
        body: await options.metrics.scrape(),
      };
    case '/healthz':
      // The process runs and its event loop turns; whether it is of use is readiness.
      return text(200, 'ok');
    case '/readyz': {
      const checks = await readiness(options);
      const ready = checks.every((check) => check.ok);
      return { status: ready ? 200 : 503, type: 'application/json', body: JSON.stringify({ ready, checks }) };
    }
    default:
      return text(404, 'try /metrics, /healthz or /readyz');
  }
}

const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});
