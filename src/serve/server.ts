/** HTTP: what machines ask for, and the sites that are served beside it. */
import { isOutage, OperatorError } from '../errors.ts';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from './answer.ts';
import type { Answer, Asked, Site, StreamedAnswer } from './answer.ts';
import { guard, HTTP_LIMITS } from './guard.ts';
import type { Guard } from './guard.ts';
import { MACHINE_PATHS, machineSite } from './machines.ts';
import type { MachineOptions } from './machines.ts';
import { pack } from './packing.ts';
import { securityHeaders } from './securityHeaders.ts';
import { targetOf } from './target.ts';
import { within } from '../waiting.ts';

export interface ServeOptions extends MachineOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Asked in this order for what the server does not know itself. */
  readonly sites?: readonly Site[];
  /** Told of an answer that failed for another reason than an outage, of which its asker is told. */
  readonly onFailed?: (error: unknown, path: string) => void;
}

export interface RunningServer {
  /** `http://host:port` */
  readonly url: string;
  /** Streams are ended, too. */
  close(): Promise<void>;
}

/** A site has its own limits; this one is for what has none. Milliseconds. */
const SITE_MS = 12_000;

interface Service {
  readonly sites: readonly Site[];
  /** What to try, for whoever asked for something else. */
  readonly hint: string;
  readonly onFailed: (error: unknown, path: string) => void;
}

/** @throws {Error} with code EADDRINUSE and the like: the port is taken, the host is none of this machine's */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { sites = [], onFailed = () => undefined } = options;
  const known = [...(sites.length === 0 ? [] : ['/']), ...MACHINE_PATHS];
  const service: Service = {
    sites: [machineSite(options), ...sites],
    hint: `try ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`,
    onFailed,
  };
  const server = createServer(HTTP_LIMITS);
  const guarded = guard(server);
  server.on('request', (request, response) => void respond(service, guarded, request, response));
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

async function respond(
  service: Service,
  guarded: Guard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const answer = await answerTo(service, request, response);
    if (!('begin' in answer)) await send(answer, request, response);
    else if (request.method === 'HEAD') response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    else if (guarded.stream(response)) begin(answer, response);
    else await send(text(503, 'too many streams are open', { 'retry-after': '10' }), request, response);
  } catch {
    // A connection that can't be answered is closed; nobody else hears of it.
    response.destroy();
  }
}

function begin(answer: StreamedAnswer, response: ServerResponse): void {
  for (const [name, value] of Object.entries(securityHeaders('text/event-stream'))) response.setHeader(name, value);
  answer.begin(response);
}

async function send(answer: Answer, { method, headers: asking }: IncomingMessage, response: ServerResponse) {
  const { status, headers, body } = await pack(answer, asking);
  const length = status === 304 ? {} : { 'content-length': body.length };
  response.writeHead(status, { ...securityHeaders(answer.type), ...headers, ...length });
  response.end(method === 'HEAD' ? undefined : body);
}

async function answerTo(
  { sites, hint, onFailed }: Service,
  { method = '', url: target = '', headers }: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | StreamedAnswer> {
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD are served', { allow: 'GET, HEAD' });
  const url = targetOf(target);
  if (url === null) return text(400, 'the path is malformed');
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const asked: Asked = { method, url, headers, signal: gone.signal };
  try {
    const answer = askAll(sites, asked).then((known) => known ?? text(404, hint));
    return await within(SITE_MS, answer, () => {
      gone.abort();
      return text(503, `there was no answer within ${SITE_MS / 1000} s`);
    });
  } catch (error) {
    if (!isOutage(error)) onFailed(error, url.pathname);
    if (error instanceof OperatorError) return text(503, error.message);
    return text(500, 'something went wrong here: the log of this process has it');
  }
}

async function askAll(sites: readonly Site[], asked: Asked): Promise<Answer | StreamedAnswer | null> {
  for (const site of sites) {
    const answer = await site(asked);
    if (answer !== null) return answer;
  }
  return null;
}
