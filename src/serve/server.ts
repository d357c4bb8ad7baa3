/** HTTP for machines: /metrics, /healthz, /readyz. */
import { messageOf } from '../errors.ts';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard, HTTP_LIMITS } from './guard.ts';
import { OBSERVATIONS, readiness } from './health.ts';
import type { Check, HealthOptions } from './health.ts';
import type { Metrics } from './metrics.ts';
import { ANSWER_MS, shared } from './observing.ts';
import { within } from '../waiting.ts';

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

/** What is served. Whoever asks for the same at the same time shares one answer. */
interface Sources {
  readonly metrics: Metrics;
  readonly readiness: () => Promise<readonly Check[]>;
  readonly answerMs: number;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @throws {Error} with code EADDRINUSE and the like: the port is taken, the host is none of this machine's */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const sources: Sources = {
    metrics: options.metrics,
    answerMs: options.patienceMs ?? ANSWER_MS,
    readiness: shared(async () => await readiness(options)),
  };
  const server = createServer(HTTP_LIMITS, (request, response) => void respond(sources, request, response));
  guard(server);
  await new Promise<void>((resolve, reject) => {
    // It stays: an error without a listener would end the process.
    server.on('error', reject);
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

async function respond(sources: Sources, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const answer = await route(sources, request).catch((error: unknown) => text(503, messageOf(error)));
    response.writeHead(answer.status, { 'content-type': answer.type, ...answer.headers });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  } catch {
    // A connection that can't be answered is closed; nobody else hears of it.
    response.destroy();
  }
}

async function route(sources: Sources, { method, url }: IncomingMessage): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD')
    return { ...text(405, 'only GET and HEAD are served'), headers: { allow: 'GET, HEAD' } };
  const [path, query = ''] = (url ?? '').split('?');
  switch (path) {
    case '/metrics':
      return await scrape(sources);
    case '/healthz':
      // The process runs and its event loop turns; whether it is of use is readiness.
      return text(200, 'ok');
    case '/readyz':
      return await answerReadiness(sources, new URLSearchParams(query).getAll('exclude'));
    default:
      return text(404, 'try /metrics, /healthz or /readyz');
  }
}

/** `?exclude=observations` as the API server of Kubernetes has it: whether the process by itself is fit to work. */
async function answerReadiness(sources: Sources, excluded: readonly string[]): Promise<Answer> {
  const unknown = excluded.filter((name) => name !== OBSERVATIONS);
  if (unknown.length > 0) return text(400, `exclude: only ${OBSERVATIONS} can be left out`);
  const checks = (await sources.readiness()).filter(({ name }) => !excluded.includes(name));
  const ready = checks.every((check) => check.ok);
  return { status: ready ? 200 : 503, type: 'application/json', body: JSON.stringify({ ready, checks }) };
}

/**
 * Half a truth would read as a whole one: without the database there are no metrics, and the scrape counts as failed.
 */
async function scrape({ metrics, answerMs }: Sources): Promise<Answer> {
  const answer = metrics.scrape().then((body): Answer => ({ status: 200, type: metrics.contentType, body }));
  return await within(answerMs, answer, () => text(503, `the database has not answered within ${answerMs / 1000} s`));
}

const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});
