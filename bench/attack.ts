/**
 * What the HTTP server bears: `npm run bench:attack -- [--requests 100000] [--connections 10000] [--seed 1]`.
 * `balde start` with a token, at work on a Bridge, is sent fuzzed requests (bytes of any kind, paths that climb, wrong
 * hosts, origins and tokens, heads too large, questions with malformed parameters, right ones among them), half-open
 * connections and streams that nobody reads. It has to go on, to answer each with a status that is the asker's own
 * fault, to log no defect, and to have no more memory in the end than after the first fifth.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { hash } from '../src/simulator/random.ts';
import { serveBridge } from '../src/simulator/server.ts';
import { install, onServer, option, PARTICIPANT } from './common.ts';
import { busyBridge, megabytesOf, startBalde } from './running.ts';

const requests = option('requests', 100_000);
const connections = option('connections', 10_000);
const seed = option('seed', 1);
const PARTS = 5;
const LANES = 32;
const STALLED = 200;
const TOKEN = 'a-token-of-this-benchmark';
/** Memory may grow by this much after the first part. */
const GROWTH = 1.25;
/** Statuses that tell of a defect; 503 is what it says when there are too many. */
const DEFECTS = /^5(?!03)/;

/** Draws of one request. */
class Draws {
  readonly #n: number;
  #step = 0;

  constructor(n: number) {
    this.#n = n;
  }

  below(limit: number): number {
    return hash(hash(seed, this.#n), (this.#step += 1)) % limit;
  }

  of<T>(some: readonly [T, ...T[]]): T {
    return some[this.below(some.length)] ?? some[0];
  }

  bytes(most: number): string {
    return Array.from({ length: this.below(most) }, () => String.fromCharCode(this.below(256))).join('');
  }
}

const SEGMENTS = [
  ...['..', '.', '', '%2e%2e', '%2F', '%5c', '\\', '%00', '%ff', ';', '@', '*', 'é', 'x'.repeat(300)],
  ...['api', 'v1', 'overview', 'buckets', PARTICIPANT, 'POLICY_07', 'history.csv', 'alerts', 'what-if', 'stream'],
  ...['assets', 'login', 'logout', 'healthz', 'readyz', 'metrics', 'openapi.json'],
] as const;
const NAMES = [
  'at',
  'from',
  'to',
  'participant',
  'policy',
  'level',
  'q',
  'limit',
  'before',
  'open',
  'severity',
] as const;
const TRIED = [
  'warning',
  'critical',
  'margin',
  'for',
  'every',
  'category',
  'lang',
  'zone',
  'theme',
  'next',
  'run',
] as const;
const VALUES = [
  ...[
    '',
    '0',
    '-1',
    '1e9',
    'NaN',
    '20',
    '99999999999999999999',
    'true',
    'all',
    'D',
    '5m',
    'null',
    '%00',
    "'; select 1",
  ],
  ...[
    '2026-01-31T12:00:00Z',
    '2026-13-99T99:99:99Z',
    '0001-01-01T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    '//evil.example',
  ],
  ...[PARTICIPANT, 'POLICY_07', '11111111-1111-4111-8111-111111111111', '<script>', '%F0%9F%98%80', 'a'.repeat(2_000)],
] as const;
const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'CONNECT', 'get', 'PRI'] as const;
const HEADERS = [
  ...[
    'Origin: http://evil.example',
    'Origin: null',
    'Cookie: balde_session=1.x.y',
    'Authorization: Bearer wrong-token',
  ],
  ...['Accept: text/html', 'Accept-Encoding: gzip', 'If-None-Match: "x"', 'Content-Length: -1', 'Expect: 100-continue'],
  ...['Transfer-Encoding: chunked', 'Upgrade: websocket', 'Range: bytes=0-1', 'Sec-Fetch-Site: cross-site'],
  `X: ${'y'.repeat(9_000)}`,
] as const;
const HOSTS = [
  'localhost',
  'localhost',
  'localhost',
  '127.0.0.1',
  'evil.example',
  '',
  'localhost:99999',
  '[::1]',
] as const;

function fuzzed(n: number): string {
  const draws = new Draws(n);
  if (draws.below(20) === 0) return draws.bytes(200);
  const path = Array.from({ length: 1 + draws.below(5) }, () => `/${draws.of(SEGMENTS)}`).join('');
  const known = ['/', '/what-if', `/buckets/${PARTICIPANT}/POLICY_07`, '/api/v1/overview', '/api/v1/alerts'] as const;
  const asked = [...known, `/api/v1/buckets/${PARTICIPANT}/POLICY_07`, '/api/v1/what-if', '/metrics'] as const;
  const query = Array.from(
    { length: draws.below(4) },
    () => `${draws.of([...NAMES, ...TRIED])}=${draws.of(VALUES)}`,
  ).join('&');
  const target = `${draws.below(2) === 0 ? path : draws.of(asked)}${query === '' ? '' : `?${query}`}`;
  const headers = Array.from({ length: draws.below(4) }, () => draws.of(HEADERS));
  if (draws.below(2) === 0) headers.push(`Authorization: Bearer ${TOKEN}` as never);
  const method = draws.of(METHODS);
  const lines = [`${method} ${target} HTTP/1.${draws.of(['1', '1', '1', '0', '9'])}`, `Host: ${draws.of(HOSTS)}`];
  return [...lines, ...headers, 'Connection: close', '', draws.below(5) === 0 ? draws.bytes(100) : ''].join('\r\n');
}

const told = (statuses: ReadonlyMap<string, number>): string =>
  [...statuses]
    .map(([status, n]) => `${status}: ${n}`)
    .sort()
    .join(', ');

/** From an address of its own each, so that there are ports enough. */
const socketTo = (url: string, n: number): Socket => {
  const { port } = new URL(url);
  const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress: `127.0.0.${2 + (n % 200)}` });
  return socket.on('error', () => undefined);
};

/** The status of the first answer; `none`: the connection ended without. A stream is left after its head. */
async function statusOf(url: string, n: number): Promise<string> {
  const socket = socketTo(url, n).setTimeout(20_000, () => socket.destroy());
  let status = 'none';
  socket.on('data', (part) => {
    if (status === 'none') status = /^HTTP\/1\.1 (\d{3})/.exec(part.toString('latin1'))?.[1] ?? 'odd';
    if (part.includes('text/event-stream')) socket.destroy();
  });
  socket.write(fuzzed(n), 'latin1');
  socket.end();
  await once(socket, 'close');
  return status;
}

async function fuzz(url: string, from: number, to: number, statuses: Map<string, number>): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < to; n = next++) {
      const status = await statusOf(url, n);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (DEFECTS.test(status)) console.log(`${status} to ${JSON.stringify(fuzzed(n).slice(0, 300))}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** @returns milliseconds until a probe was answered among them */
async function crowd(url: string): Promise<number> {
  const sockets: Socket[] = [];
  for (let n = 0; n < connections; n += 1) {
    const socket = socketTo(url, n);
    if (n % 2 === 0) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX: ');
    sockets.push(socket);
    if (n % 500 === 0) await delay(10);
  }
  const start = performance.now();
  const { status } = await fetch(`${url}/healthz`);
  const took = performance.now() - start;
  if (status !== 200) throw new Error(`/healthz: ${status} among ${connections} connections`);
  for (const socket of sockets) socket.destroy();
  return took;
}

/** Streams that nobody reads: they are ended after a minute. */
async function stall(url: string): Promise<void> {
  const head = `GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
  const sockets = Array.from({ length: STALLED }, (_, n) => {
    const socket = socketTo(url, n).pause();
    socket.write(head);
    return socket;
  });
  await delay(10_000);
  for (const socket of sockets) socket.destroy();
}

await onServer(async (createDatabase) => {
  const databaseUrl = await createDatabase('attack');
  await (await install(databaseUrl)).close();
  const bridge = await serveBridge(busyBridge());
  const balde = await startBalde(databaseUrl, bridge.address, { POLL_INTERVAL: '2s', HTTP_TOKEN: TOKEN });
  const statuses = new Map<string, number>();
  const memory: number[] = [];
  console.log(`${megabytesOf(balde.child).toFixed(0)} MB before`);
  for (let part = 0; part < PARTS; part += 1) {
    const start = performance.now();
    await fuzz(balde.url, Math.round((requests * part) / PARTS), Math.round((requests * (part + 1)) / PARTS), statuses);
    memory.push(megabytesOf(balde.child));
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `${memory.at(-1)?.toFixed(0)} MB after ${Math.round((requests * (part + 1)) / PARTS)} (${seconds.toFixed(0)} s)`,
    );
    console.log(`  answered: ${told(statuses)}`);
  }
  console.log(`${connections} connections: a probe among them took ${(await crowd(balde.url)).toFixed(0)} ms`);
  await stall(balde.url);
  const after = megabytesOf(balde.child);
  const { status } = await fetch(`${balde.url}/readyz`);
  console.log(
    `${after.toFixed(0)} MB after ${STALLED} stalled streams; /readyz: ${status}; logged: ${balde.logged() || 'nothing'}`,
  );
  const grown = Math.max(after, memory.at(-1) ?? 0) / (memory[0] ?? 1);
  const isWrong = [
    [...statuses.keys()].some((one) => DEFECTS.test(one) || one === 'odd'),
    balde.child.exitCode !== null,
    grown > GROWTH,
    status !== 200,
    /"level":"(error|fatal)"/.test(balde.logged()),
  ].includes(true);
  console.log(`memory grew by ${grown.toFixed(2)} after the first fifth (limit ${GROWTH})`);
  balde.child.kill('SIGTERM');
  await once(balde.child, 'exit');
  await bridge.close();
  process.exitCode = isWrong ? 1 : 0;
});
process.exit();
