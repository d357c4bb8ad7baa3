import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import type { Asked, Site } from '../../src/serve/answer.ts';
import { SESSION_MS } from '../../src/serve/credentials.ts';
import type { ServeOptions } from '../../src/serve/server.ts';
import { issue } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { asker, serving } from './asking.ts';
import type { Answered } from './asking.ts';

const folder = mkdtempSync(join(tmpdir(), 'balde-access-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** At once, as mounted secrets change: who reads meanwhile gets the one or the other, and no half. */
const write = (name: string, content: Buffer | string): string => {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
  return path;
};

const TOKEN = 'e2a1c0ffee-0123456789';
const BEARER = { authorization: `Bearer ${TOKEN}` };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const HTML = { accept: 'text/html,*/*' };

const asks: Asked[] = [];
const site: Site = async (asked) => {
  asks.push(asked);
  const { pathname } = asked.url;
  if (pathname === '/api/v1/stream')
    return {
      begin: (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hello\n\n');
      },
    };
  return await Promise.resolve({ status: 200, type: 'text/html; charset=utf-8', body: `page ${pathname}` });
};

/** A server with the token; its clock stands where it is put. */
async function guarded(options: Partial<ServeOptions> = {}) {
  const clock = { now: Date.UTC(2026, 0, 31, 12) };
  const server = await serving({ token: { value: TOKEN }, sites: [site], now: () => clock.now, ...options });
  const ask = asker(server);
  const signIn = async (token: string, next = '', headers = {}): Promise<Answered> =>
    await ask('/login', {
      ...{ method: 'POST', headers: { ...FORM, ...headers } },
      body: new URLSearchParams({ token, next }).toString(),
    });
  return { ...server, clock, ask, signIn };
}

const cookieOf = ({ headers }: Answered): { cookie: string } => ({
  cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '',
});

describe('[PAGE-5] whoever has the token may look, and nobody else', () => {
  test('a page leads to the form and back; machines get a 401; probes and metrics stay open', async () => {
    const { ask } = await guarded();
    const page = await ask('/buckets/12345678/X?from=1', { headers: HTML });
    expect([page.status, page.headers.location]).toEqual([303, '/login?next=%2Fbuckets%2F12345678%2FX%3Ffrom%3D1']);
    const { status, headers, text } = await ask('/api/v1/overview');
    expect([status, headers['content-type']]).toEqual([401, 'application/problem+json']);
    expect(headers['www-authenticate']).toBe('Bearer realm="balde"');
    expect(JSON.parse(text)).toMatchObject({ title: 'Unauthorized', status: 401 });
    for (const path of ['/healthz', '/login', '/assets/page.js']) expect((await ask(path)).status).toBe(200);
    for (const path of ['/assets/../api/v1/x', '/login/x', '/healthz/', '/'])
      expect([path, (await ask(path)).status]).toEqual([path, 401]);
    // Without its database it fails: but it is asked.
    expect((await ask('/metrics')).status).toBe(503);
  });

  test('a machine by its header; /metrics where that is set', async () => {
    const { ask } = await guarded({ metricsAuth: true });
    expect((await ask('/api/v1/overview', { headers: BEARER })).status).toBe(200);
    expect((await ask('/metrics')).status).toBe(401);
    expect((await ask('/metrics', { headers: BEARER })).status).toBe(503);
    for (const authorization of ['Bearer wrong', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`])
      expect((await ask('/api/v1/overview', { headers: { authorization } })).status).toBe(401);
    for (const authorization of [`Basic ${TOKEN}`, 'Bearer', TOKEN])
      expect((await ask('/api/v1/overview', { headers: { authorization } })).status).toBe(401);
  });

  test('a person by the form: a cookie that is no token, that scripts do not see, and that ends', async () => {
    const { ask, signIn, clock } = await guarded();
    const signed = await signIn(TOKEN, '/buckets/1/2?from=3');
    expect([signed.status, signed.headers.location]).toEqual([303, '/buckets/1/2?from=3']);
    const set = signed.headers['set-cookie']?.[0] ?? '';
    expect(set).toMatch(/^balde_session=[\w.-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(set).not.toContain(TOKEN);
    const headers = cookieOf(signed);
    expect((await ask('/', { headers })).status).toBe(200);
    expect(asks.at(-1)?.signedIn).toBe(true);
    const tampered = [
      headers.cookie.replace('=1', '=9'),
      headers.cookie.slice(0, -1),
      `${headers.cookie}A`,
      'balde_session=',
    ];
    for (const cookie of tampered) expect((await ask('/', { headers: { cookie } })).status).toBe(401);
    clock.now += SESSION_MS;
    expect((await ask('/', { headers })).status).toBe(401);
    const out = await ask('/logout', { method: 'POST', headers });
    expect([out.status, out.headers['set-cookie']?.[0]]).toEqual([303, expect.stringContaining('Max-Age=0;')]);
  });

  test.each(['//evil.example', 'https://evil.example/', '/\\evil.example', 'javascript:1', '/%2f/evil.example', ''])(
    'after the form it goes on here, not at %s',
    async (next) => {
      const { signIn } = await guarded();
      expect((await signIn(TOKEN, next)).headers.location).toBe('/');
    },
  );

  test('a link from elsewhere, which brings no cookie, is asked once more', async () => {
    const { ask } = await guarded();
    const again = await ask('/alerts/1', { headers: { ...HTML, 'sec-fetch-site': 'cross-site' } });
    expect([again.status, again.text]).toEqual([200, expect.stringContaining('http-equiv="refresh"')]);
  });

  test('another token in the file ends sessions, headers and streams of the one before', async () => {
    const file = write('token', `${TOKEN}\n`);
    const stale: unknown[] = [];
    const server = await guarded({ token: { file }, renewMs: 20, onStale: (error) => stale.push(error) });
    const { ask, signIn } = server;
    const session = cookieOf(await signIn(TOKEN));
    const stream = ask('/api/v1/stream', { headers: session }).catch(() => 'ended');
    write('token', '\n');
    await eventually('an empty file is told', async () => Promise.resolve(stale.length === 1));
    expect((await ask('/', { headers: BEARER })).status).toBe(200);
    write('token', 'another-0123456789abcdef');
    await eventually('the other holds', async () => (await ask('/', { headers: session })).status === 401);
    expect((await ask('/', { headers: BEARER })).status).toBe(401);
    expect(await stream).toBe('ended');
  }, 30_000);
});

describe('[PAGE-6] wrong tokens are few', () => {
  test('ten, then one in six seconds, by whatever way; who is signed in is not held up', async () => {
    const { ask, signIn, clock } = await guarded();
    const session = cookieOf(await signIn(TOKEN));
    const wrong = { headers: { authorization: 'Bearer wrong' } };
    for (let i = 0; i < 5; i++) {
      expect((await signIn('wrong')).status).toBe(401);
      expect((await ask('/api/v1/x', wrong)).status).toBe(401);
    }
    const held = await signIn(TOKEN);
    expect([held.status, held.headers['retry-after'], held.headers['set-cookie']]).toEqual([429, '6', undefined]);
    expect(asks.at(-1)?.url.search).toBe('?next=%2F&refused=slow');
    expect((await ask('/api/v1/x', { headers: BEARER })).status).toBe(429);
    expect((await ask('/api/v1/x', { headers: session })).status).toBe(200);
    clock.now += 6_000;
    expect((await signIn(TOKEN)).status).toBe(303);
  });

  test('the form is drawn by a site with what was wrong, or plainly; nothing else is a form', async () => {
    const { ask, signIn } = await guarded();
    const drawn = await signIn('wrong', '/a?b=c');
    expect([drawn.status, drawn.text, drawn.headers['cache-control']]).toEqual([401, 'page /login', 'no-store']);
    expect(asks.at(-1)?.url.search).toBe('?next=%2Fa%3Fb%3Dc&refused=wrong');
    expect((await ask('/login', { method: 'POST', body: 'token=x' })).status).toBe(415);
    expect((await ask('/login', { method: 'POST', headers: FORM, body: 'x'.repeat(9_000) })).status).toBe(413);
    const plain = await guarded({ sites: [] });
    const form = (await plain.ask('/login?refused=wrong&next=/"><script>')).text;
    expect(form).toContain('The token is wrong.');
    expect(form).toContain('name="next" value="/&#34;%3E%3Cscript%3E"'.replace('&#34;', '%22'));
  });
});

describe('[PAGE-7] a request means this server', () => {
  test('by the name it asks for: addresses, localhost, its own, and those that are listed', async () => {
    const { ask } = await guarded({ token: null, allowedHosts: ['balde.example.com', 'proxied:8443'] });
    const status = async (host: string, path = '/'): Promise<number> => (await ask(path, { headers: { host } })).status;
    const right = ['127.0.0.1:9464', '[::1]:9464', '10.1.2.3', 'localhost', 'LOCALHOST:1', 'x.localhost', hostname()];
    for (const host of [...right, 'balde.example.com', 'Balde.Example.com.:80', 'proxied:8443'])
      expect([host, await status(host)]).toEqual([host, 200]);
    for (const host of [
      'evil.example',
      '127.0.0.1.evil.example',
      'balde.example.com.evil',
      'localhost.evil',
      'proxied',
    ])
      expect([host, await status(host)]).toEqual([host, 421]);
    expect([await status('evil.example', '/healthz'), await status('evil.example', '/metrics')]).toEqual([200, 421]);
  });

  test('by the page it comes from', async () => {
    const { ask } = await guarded({ token: null, allowedHosts: ['balde.example.com:8443'] });
    const status = async (origin: string, path = '/api/v1/x', method = 'GET'): Promise<number> =>
      (await ask(path, { method, headers: { host: 'localhost:9464', origin } })).status;
    for (const origin of ['http://localhost:9464', 'https://balde.example.com:8443'])
      expect([origin, await status(origin)]).toEqual([origin, 200]);
    for (const origin of ['http://localhost:9465', 'http://localhost', 'https://evil.example', 'null', 'x'])
      for (const [path, method] of [['/api/v1/stream'], ['/login', 'POST'], ['/logout', 'POST'], ['/']] as const)
        expect([origin, path, await status(origin, path, method)]).toEqual([origin, path, 403]);
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await ask('/logout', { method: 'POST', headers })).status).toBe(403);
  });

  test('nothing is written, whatever the method; a page may load only what is its own', async () => {
    const { ask } = await guarded({ token: null });
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])
      expect([method, (await ask('/api/v1/x', { method })).status]).toEqual([method, 405]);
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'/);
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers).toMatchObject({
      ...{ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'same-origin' },
      ...{ 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin' },
    });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await ask('/login')).headers.location).toBe('/');
  });
});

describe('[PAGE-8] TLS', () => {
  test('with a certificate that is read anew when it changes; what is no pair is not used', async () => {
    const [first, second] = [issue('first'), issue('second')];
    const files = { certFile: write('cert.pem', first.certPem), keyFile: write('key.pem', first.keyPem) };
    const stale: unknown[] = [];
    const server = await guarded({ tls: files, renewMs: 20, onStale: (error) => stale.push(error) });
    const shown = async (): Promise<string> =>
      await new Promise((resolve, reject) => {
        const { port } = new URL(server.url);
        const socket = connectTls({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(server.url).toMatch(/^https:/);
    expect(await shown()).toBe('first');
    expect((await server.signIn(TOKEN)).headers['set-cookie']?.[0]).toMatch(/; Secure$/);
    write('cert.pem', second.certPem);
    await eventually('the half of a pair is told', async () => Promise.resolve(stale.length > 0));
    expect(await shown()).toBe('first');
    write('key.pem', second.keyPem);
    await eventually('the new one is shown', async () => (await shown()) === 'second');
    expect(stale).toHaveLength(1);
  });
});
