import { connect as connectTcp } from 'node:net';
import type { ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Asked, Site } from '../../src/serve/answer.ts';
import { eventually } from '../support/eventually.ts';
import { asker, serving } from './asking.ts';

const PAGE = Buffer.from(`<!doctype html><title>Balde</title>${'<p>tokens</p>'.repeat(500)}`);
const asks: Asked[] = [];
const streams = new Set<ServerResponse>();

const pages: Site = async ({ url }) =>
  await Promise.resolve(
    url.pathname === '/'
      ? { status: 200, type: 'text/html; charset=utf-8', body: PAGE, headers: { vary: 'cookie' } }
      : null,
  );
const data: Site = async (asked) => {
  asks.push(asked);
  const { pathname } = asked.url;
  if (pathname === '/api/v1/stream')
    return {
      begin: (response) => {
        streams.add(response);
        response.once('close', () => streams.delete(response));
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hello\n\n');
      },
    };
  if (pathname === '/api/v1/broken') throw new Error('a defect with a s3cret in it');
  return await Promise.resolve(
    pathname.startsWith('/api/v1/') ? { status: 200, type: 'application/json', body: '{"a":1}' } : null,
  );
};

const failures: unknown[] = [];
const server = await serving({ sites: [pages, data], onFailed: (error, path) => failures.push([path, error]) });
const ask = asker(server);

describe('[PAGE-1] what the server does not know it asks its sites for', () => {
  test('in their order; what none knows is a 404 that says what there is', async () => {
    expect((await ask('/')).text).toContain('<title>Balde');
    expect((await ask('/api/v1/x?a=1')).text).toBe('{"a":1}');
    expect(asks.at(-1)?.url.search).toBe('?a=1');
    const unknown = await ask('/unknown');
    expect(unknown.status).toBe(404);
    expect(unknown.text).toBe('try /, /metrics, /healthz or /readyz\n');
    expect((await ask('/healthz')).text).toBe('ok\n');
  });

  test('a defect of one is a 500 without its words, which the log gets', async () => {
    const { status, text } = await ask('/api/v1/broken');
    expect(status).toBe(500);
    expect(text).not.toContain('s3cret');
    expect(failures).toEqual([['/api/v1/broken', new Error('a defect with a s3cret in it')]]);
  });

  test('a path is read in one way only', async () => {
    for (const path of ['//api/v1/x', '/api/..%2fv1/x', '/api/%5cv1', '/api/v1/x%00', '/api/%E0%A4%A', '/%0d%0a'])
      expect([path, (await ask(path)).status]).toEqual([path, 400]);
    asks.length = 0;
    expect((await ask('/assets/%2e%2e/api/v1/x')).status).toBe(200);
    expect(asks.at(-1)?.url.pathname).toBe('/api/v1/x');
  });
});

describe('[PAGE-2] an answer goes out in the form its asker takes', () => {
  test('compressed where that is taken, and then said', async () => {
    const plain = await ask('/');
    expect(plain.headers).toMatchObject({ vary: 'cookie, accept-encoding', 'content-length': String(PAGE.length) });
    const packed = await ask('/', { headers: { 'accept-encoding': 'br, gzip;q=0.5' } });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(packed.body.length).toBeLessThan(PAGE.length / 10);
    expect(gunzipSync(packed.body).equals(PAGE)).toBe(true);
    for (const encoding of ['identity', 'gzip;q=0', 'br'])
      expect(
        (await ask('/', { headers: { 'accept-encoding': encoding } })).headers['content-encoding'],
      ).toBeUndefined();
    expect(
      (await ask('/api/v1/x', { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'],
    ).toBeUndefined();
  });

  test('304 for what the asker has, in either form; HEAD has the head of GET', async () => {
    const { etag = '' } = (await ask('/')).headers;
    for (const tags of [etag, `"other", ${etag}`, etag.replace('W/', ''), '*']) {
      const same = await ask('/', { headers: { 'if-none-match': tags, 'accept-encoding': 'gzip' } });
      expect([same.status, same.body.length, same.headers.etag]).toEqual([304, 0, etag]);
    }
    expect((await ask('/', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    const head = await ask('/', { method: 'HEAD' });
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([200, 0, String(PAGE.length)]);
  });
});

describe('[PAGE-3] streams', () => {
  test('have no end of time, are told when their asker is gone, and end with the server', async () => {
    const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const said = await new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())));
    expect(said).toContain('content-type: text/event-stream');
    expect(said).toContain('x-content-type-options: nosniff');
    const { signal } = asks.at(-1) ?? {};
    expect([streams.size, signal?.aborted]).toEqual([1, false]);
    socket.destroy();
    await eventually('the stream was told', async () =>
      Promise.resolve(signal?.aborted === true && streams.size === 0),
    );
    expect((await ask('/api/v1/stream', { method: 'HEAD' })).headers['content-type']).toBe('text/event-stream');
    expect(streams.size).toBe(0);
  });

  test('as many as there are open are not waited for at the end', async () => {
    const own = await serving({ sites: [data] });
    const read = Array.from({ length: 20 }, async () => {
      const response = await fetch(`${own.url}/api/v1/stream`);
      return await response.text().catch(() => 'cut off');
    });
    await eventually('all are open', async () => Promise.resolve(streams.size === 20));
    await own.close();
    expect(new Set(await Promise.all(read))).toEqual(new Set(['cut off']));
    await eventually('none is', async () => Promise.resolve(streams.size === 0));
  });
});
