import fc from 'fast-check';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect as connectTcp } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { guard } from '../../src/serve/guard.ts';
import type { GuardLimits } from '../../src/serve/guard.ts';
import { Streams } from '../../src/serve/streams.ts';
import { eventually } from '../support/eventually.ts';
import { asker, serving } from './asking.ts';

const failures: unknown[] = [];
const reached: string[] = [];
const server = await serving({
  token: { value: 'e2a1c0ffee-0123456789' },
  sites: [
    async ({ url: { pathname } }) => {
      reached.push(pathname);
      return await Promise.resolve(
        pathname.startsWith('/api/') ? { status: 200, type: 'text/plain', body: 'x' } : null,
      );
    },
  ],
  onFailed: (error) => failures.push(error),
});
const ask = asker(server);

/** All that is answered to the bytes, until the connection ends. */
const say = async (bytes: string): Promise<string> =>
  await new Promise((resolve) => {
    let answer = '';
    const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1');
    socket.on('data', (part) => (answer += part.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.end(bytes, 'latin1');
  });

/** Runs one after the other in each of some lanes. */
async function inLanes<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const lane = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }).map((all) => String.fromCharCode(...all));
const pick = (...some: readonly string[]) => fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...some) }, bytes);
const PIECES = [
  '/',
  '//',
  '..',
  '%2e',
  '%2F',
  '%5c',
  '\\',
  ';',
  '?',
  '#',
  '@',
  'api',
  'v1',
  'assets',
  'login',
  'healthz',
];
const path = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 9 }).map((all) => `/${all.join('')}`);
const header = fc
  .tuple(
    pick('Host', 'Origin', 'Cookie', 'Authorization', 'Accept-Encoding', 'If-None-Match', 'Content-Length', 'Expect'),
    pick(
      'localhost',
      'null',
      'balde_session=1.x.y',
      'Bearer x',
      'gzip;q=',
      'W/"',
      '-1',
      '99999999999999999999',
      '100-continue',
    ),
  )
  .map((pair) => pair.join(': '));
const request = fc
  .tuple(
    pick('GET', 'HEAD', 'POST', 'get', 'CONNECT', 'PRI', ''),
    fc.oneof(path, pick('*', 'http://localhost/', 'http://', '//')),
    pick('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9'),
    fc.array(header, { maxLength: 5 }),
    pick('', 'token=x', '0\r\n\r\n'),
  )
  .map(([method, target, version, headers, body]) =>
    [`${method} ${target} ${version}`, 'Host: localhost', ...headers, '', body].join('\r\n'),
  );

describe('[PAGE-9] whatever comes', () => {
  test('bytes of any kind get a status that is their own fault, or none', async () => {
    const statuses = new Map<string, number>();
    await inLanes(
      fc.sample(fc.oneof({ weight: 9, arbitrary: request }, bytes), { numRuns: 600, seed: 7 }),
      async (text) => {
        const answer = await say(text);
        const [, status = 'none'] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
        if (/^(5|none)/.test(status) && answer !== '') expect([text, answer]).toBe('no such answer');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      },
    );
    expect([...statuses.keys()]).toEqual(expect.arrayContaining(['400', '401', '405']));
    expect(failures).toEqual([]);
    expect((await ask('/healthz')).status).toBe(200);
  });

  test('no path leads past the token', async () => {
    reached.length = 0;
    await inLanes(fc.sample(path, { numRuns: 400, seed: 7 }), async (target) => {
      const answer = await say(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect([target, answer.split(' ')[1]]).toEqual([target, expect.stringMatching(/^(200|400|401|404)$/) as unknown]);
    });
    expect(reached.filter((one) => !/^\/(?:login$|assets\/)/.test(one) || /\.\.|%2f|%5c/i.test(one))).toEqual([]);
    expect(reached.length).toBeGreaterThan(0);
  });

  test('many cookies, encodings and tags', async () => {
    const many = (one: string): string => Array.from({ length: 400 }, () => one).join(',');
    const heads: Record<string, string>[] = [
      { cookie: many('balde_session=1;') },
      { 'accept-encoding': many('gzip;q=0.1') },
      { 'if-none-match': many('"x"') },
      { authorization: `Bearer ${'x'.repeat(6_000)}` },
      { accept: 'text/html', 'sec-fetch-site': 'x' },
    ];
    for (const headers of heads) expect([200, 303, 401]).toContain((await ask('/', { headers })).status);
  });
});

describe('[PAGE-3] streams, too many of them or without a reader', () => {
  const streaming = async (limits: Partial<GuardLimits>, begin: (response: ServerResponse) => void) => {
    const own = createServer();
    const streams = new Streams(guard(own, limits));
    own.on('request', (_, response) => {
      if (!streams.begin({ begin }, response, () => true)) response.writeHead(503).end();
    });
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    const { port } = own.address() as AddressInfo;
    const connect = (): Socket => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      return socket;
    };
    onTestFinished(async () => {
      streams.end();
      own.closeAllConnections();
      await new Promise((resolve) => own.close(resolve));
    });
    return { connect };
  };
  const GET = 'GET / HTTP/1.1\r\nHost: b\r\n\r\n';

  test('idle connections make room for one another, never a stream for them; too many streams get a 503', async () => {
    const { connect } = await streaming({ connections: 3, streams: 2 }, (response) => void response.write('hello'));
    const heard = async (socket: Socket): Promise<string> => {
      const said = new Promise<string>((resolve) => socket.once('data', (part) => resolve(part.toString())));
      socket.write(GET);
      return (await said).slice(9, 12);
    };
    const streams = [connect(), connect()];
    expect(await Promise.all(streams.map(heard))).toEqual(['200', '200']);
    let closed = 0;
    const idle = Array.from({ length: 8 }, connect);
    for (const socket of idle) socket.resume().on('close', () => (closed += 1));
    await eventually('the oldest made room', async () => Promise.resolve(closed === 5));
    expect(streams.map(({ closed: isClosed }) => isClosed)).toEqual([false, false]);
    expect(await heard(connect())).toBe('503');
    streams[0]?.destroy();
    await eventually('there is room again', async () => (await heard(connect())) === '200');
  });

  test('a reader that takes nothing is given up, one to whom little is said is not', async () => {
    const ended = new Set<string>();
    const said: NodeJS.Timeout[] = [];
    onTestFinished(() => said.forEach((timer) => clearInterval(timer)));
    const { connect } = await streaming({ streamSilenceMs: 300 }, (response) => {
      const name = response.req.headers.host ?? '';
      response.once('close', () => ended.add(name));
      if (name === 'stalled') response.write('x'.repeat(16 * 1024 * 1024));
      said.push(setInterval(() => response.writableNeedDrain || response.write(': still here\n'), 100));
    });
    connect().pause().write(GET.replace('Host: b', 'Host: stalled'));
    connect().resume().write(GET.replace('Host: b', 'Host: reading'));
    await eventually('the stalled one is ended', async () => Promise.resolve(ended.has('stalled')));
    expect([...ended]).toEqual(['stalled']);
  });
});
