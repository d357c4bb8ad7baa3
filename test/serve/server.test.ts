import { afterAll, describe, expect, test } from 'vitest';
import { Metrics } from '../../src/serve/metrics.ts';
import { serve } from '../../src/serve/server.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { MINUTE, seed } from '../cli/seed.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';

const LAST = Date.UTC(2026, 0, 31, 12);
const STALE_AFTER_MS = 15 * MINUTE;
const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map(async (close) => close()));
});

/** A server on a free port of loopback; requests by method and path. */
async function serving(database: Database, now = LAST) {
  const clock = { now };
  const common = { now: () => clock.now, staleAfterMs: STALE_AFTER_MS };
  const metrics = new Metrics({ sql: database, ...common });
  const options = { host: '127.0.0.1', port: 0, metrics, database, patienceMs: 300, ...common };
  const server = await serve(options);
  closing.push(async () => server.close());
  const request = async (path: string, method = 'GET') => {
    const response = await fetch(`${server.url}${path}`, { method });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  return { ...server, clock, request };
}

interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}
const readiness = ({ body }: { readonly body: string }): Readiness => JSON.parse(body) as Readiness;

describe('with data', async () => {
  const { database, log } = await baldeDatabase();
  const { url, clock, request } = await serving(database);

  test('not ready before the first observation, ready with a fresh one, not with a stale one', async () => {
    const early = await request('/readyz');
    expect(early.status).toBe(503);
    expect(readiness(early).checks).toContainEqual({ name: 'observations', ok: false, detail: 'none yet' });

    await seed(database, log, LAST);
    const fresh = await request('/readyz');
    expect(fresh.status).toBe(200);
    expect(readiness(fresh)).toEqual({
      ready: true,
      checks: [
        { name: 'schema', ok: true, detail: 'up to date' },
        { name: 'observations', ok: true, detail: 'the newest is 0 s old' },
      ],
    });

    clock.now = LAST + STALE_AFTER_MS + 1_000;
    const stale = await request('/readyz');
    expect(stale.status).toBe(503);
    expect(readiness(stale)).toMatchObject({
      ready: false,
      checks: [{ ok: true }, { name: 'observations' }],
    });
    clock.now = LAST;
  });

  test('[OPS-43] whether observations arrive can be left out of readiness, and nothing else can', async () => {
    clock.now = LAST + STALE_AFTER_MS + 1_000;
    const own = await request('/readyz?exclude=observations');
    expect(own.status).toBe(200);
    expect(readiness(own).checks).toEqual([{ name: 'schema', ok: true, detail: 'up to date' }]);
    expect((await request('/readyz?exclude=')).status).toBe(400);
    expect(await request('/readyz?exclude=observations&exclude=schema')).toMatchObject({
      status: 400,
      body: 'exclude: only observations can be left out\n',
    });
    clock.now = LAST;
  });

  test('/metrics in the exposition format, also with a query', async () => {
    const { status, headers, body } = await request('/metrics?from=prometheus');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain('dict_rate_limit_available_tokens{');
  });

  test('/healthz; HEAD has no body; what is not served says what is', async () => {
    expect(await request('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await request('/healthz', 'HEAD')).toMatchObject({ status: 200, body: '' });
    expect(await request('/')).toMatchObject({ status: 404, body: 'try /metrics, /healthz or /readyz\n' });
    expect((await request('/metrics/')).status).toBe(404);
    const posted = await request('/metrics', 'POST');
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
  });

  test('loopback is what it is told; a taken port is an error with its code', async () => {
    expect(new URL(url).hostname).toBe('127.0.0.1');
    const port = Number(new URL(url).port);
    const metrics = new Metrics({ sql: database, now: () => LAST, staleAfterMs: STALE_AFTER_MS });
    const options = { metrics, database, now: () => LAST, staleAfterMs: STALE_AFTER_MS };
    await expect(serve({ host: '127.0.0.1', port, ...options })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  test('a database that does not answer: not ready within the patience of a probe', async () => {
    const { url: ownUrl, database: own } = await baldeDatabase();
    const locker = openDatabase({ url: ownUrl, poolSize: 1 });
    const server = await serving(own);
    await locker.transaction(async (tx) => {
      await tx.execute('lock table balde_migrations.migration in access exclusive mode');
      const silent = await server.request('/readyz');
      expect(silent.status).toBe(503);
      const [check] = readiness(silent).checks;
      expect(check).toEqual({ name: 'database', ok: false, detail: 'no answer within 0.3 s' });
    });
    await locker.close();
  });
});

describe('without', () => {
  test('a schema: not ready, and what to do', async () => {
    const { database } = await emptyDatabase();
    const { request } = await serving(database);
    const answer = await request('/readyz');
    expect(answer.status).toBe(503);
    expect(readiness(answer).checks).toEqual([
      {
        name: 'schema',
        ok: false,
        detail: expect.stringMatching(/^missing 0001_core, .*: run balde migrate$/) as string,
      },
    ]);
  });

  test('a database: not ready and no metrics, with the reason and no secret; alive all the same', async () => {
    const database = openDatabase({ url: 'postgresql://balde:s3cret@127.0.0.1:1/balde' });
    closing.push(async () => database.close());
    const { request } = await serving(database);
    const answer = await request('/readyz');
    expect(answer.status).toBe(503);
    expect(readiness(answer).checks).toEqual([
      { name: 'database', ok: false, detail: expect.stringContaining('ECONNREFUSED') as string },
    ]);
    const metrics = await request('/metrics');
    expect(metrics.status).toBe(503);
    expect(metrics.body).toContain('ECONNREFUSED');
    expect(answer.body + metrics.body).not.toContain('s3cret');
    expect((await request('/healthz')).status).toBe(200);
  });
});
