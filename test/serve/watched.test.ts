import { createServer } from 'node:http';
import { connect as connectTcp } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { guard } from '../../src/serve/guard.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import { observingPool } from '../../src/serve/observing.ts';
import { serve } from '../../src/serve/server.ts';
import { openDatabase } from '../../src/store/database.ts';
import { MINUTE, seed } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

const LAST = Date.UTC(2026, 0, 31, 12);
const { url, database, log } = await baldeDatabase();
await seed(database, log, LAST);

const watched = openDatabase(observingPool({ url }));
const common = { now: () => LAST, staleAfterMs: 15 * MINUTE };
const metrics = new Metrics({ sql: watched, ...common });
const server = await serve({ host: '127.0.0.1', port: 0, metrics, database: watched, ...common });
afterAll(async () => {
  await server.close();
  await watched.close();
});

const get = async (path: string): Promise<{ status: number; body: string; ms: number }> => {
  const start = performance.now();
  const response = await fetch(`${server.url}${path}`, { headers: { connection: 'close' } });
  return { status: response.status, body: await response.text(), ms: performance.now() - start };
};

/** Holds `table` until released, as a migration by hand or a forgotten session does. */
async function locked(table: string, work: () => Promise<void>): Promise<void> {
  const other = openDatabase({ url, poolSize: 1, applicationName: 'someone-else' });
  try {
    await other.transaction(async (tx) => {
      await tx.execute(`lock table ${table} in access exclusive mode`);
      await work();
    });
  } finally {
    await other.close();
  }
}

const waiting = async (): Promise<number> => {
  const [row] = await database.query<{ waiting: number }>(
    `select count(*) as waiting from pg_stat_activity
     where datname = current_database() and application_name = 'balde-http' and wait_event_type = 'Lock'`,
  );
  return row?.waiting ?? -1;
};

describe('[OPS-7] whoever watches never hurts the work', () => {
  test.each([
    ['/metrics', 'alerts_v1.alerts'],
    ['/metrics', 'states_v1.latest'],
    ['/metrics', 'balde.retention'],
    ['/readyz', 'states_v1.latest'],
    ['/readyz', 'balde_migrations.migration'],
  ])('300 askers of %s while %s is locked: one query waits, all are answered in time', async (path, table) => {
    await locked(table, async () => {
      const asked = Promise.all(Array.from({ length: 300 }, async () => await get(path)));
      await eventually('a query waits for the lock', async () => (await waiting()) > 0);
      expect(await waiting()).toBe(1);
      const answers = await asked;
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(15_000);
      expect(answers[0]?.body).toContain('another session holds a lock on what is asked for');
      // Nobody asks any more, and nothing is left behind.
      await eventually('no query is left', async () => (await waiting()) === 0);
      expect((await get('/healthz')).status).toBe(200);
    });
    const after = await get('/metrics');
    expect(after.status).toBe(200);
    expect(Number(/^balde_scrape_errors_total (\d+)$/m.exec(after.body)?.[1])).toBeGreaterThan(0);
  });

  test('300 scrapers at once share one answer', async () => {
    const answers = await Promise.all(Array.from({ length: 300 }, async () => await get('/metrics')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const [sessions] = await database.query<{ n: number }>(
      `select count(*) as n from pg_stat_activity where datname = current_database() and application_name = 'balde-http'`,
    );
    expect(sessions?.n).toBeLessThanOrEqual(2);
  });

  test('1,100 half-open requests keep no scraper out', async () => {
    const { port } = new URL(server.url);
    const half: Socket[] = [];
    onTestFinished(() => half.forEach((socket) => socket.destroy()));
    let closed = 0;
    for (let i = 0; i < 1_100; i++) {
      const socket = connectTcp(Number(port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      socket.on('close', () => (closed += 1));
      socket.write('GET /metrics HTTP/1.1\r\nHost: balde\r\nX-Slow: ');
      half.push(socket);
    }
    await eventually('the oldest made room', async () => Promise.resolve(closed >= 700));
    for (const path of ['/healthz', '/metrics', '/readyz']) expect((await get(path)).ms).toBeLessThan(5_000);
    await eventually('the others were given up', async () => Promise.resolve(closed === 1_100));
  });

  test('a header without end, a body, an upgrade, a request that is none: no harm', async () => {
    const { port } = new URL(server.url);
    const say = async (text: string): Promise<string> =>
      await new Promise((resolve) => {
        let answer = '';
        const socket = connectTcp(Number(port), '127.0.0.1');
        socket.on('data', (bytes) => (answer += bytes.toString()));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(answer));
        socket.end(text);
      });
    expect(await say(`GET /metrics HTTP/1.1\r\nHost: b\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`)).toContain(' 431 ');
    expect(await say('nonsense\r\n\r\n')).toContain(' 400 ');
    await say('GET /healthz HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await say('CONNECT b:80 HTTP/1.1\r\nHost: b\r\n\r\n');
    await say('GET /healthz HTTP/1.1\r\nHost: b\r\nContent-Length: 1000000\r\n\r\nshort');
    expect(await say('GET http://[::bad HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n')).toContain(' 400 ');
    expect((await get('/healthz')).status).toBe(200);
  });
});

describe('[OPS-7] connections', () => {
  const guarded = async (limits: Parameters<typeof guard>[1], body: string) => {
    const own = createServer((_, response) => response.end(body));
    guard(own, limits);
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      own.closeAllConnections();
      await new Promise((resolve) => own.close(resolve));
    });
    return (own.address() as AddressInfo).port;
  };

  test('an asker that does not read its answer is given up', async () => {
    const limits = { connections: 10, requestsPerConnection: 10, answerMs: 200 };
    const port = await guarded(limits, 'x'.repeat(32 * 1024 * 1024));
    const socket = connectTcp(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: b\r\n\r\n');
    // Only what was on its way is read: the end comes from the other side, before the answer is whole.
    setTimeout(() => socket.resume(), 1_000);
    await gone;
    expect(socket.bytesRead).toBeLessThan(32 * 1024 * 1024);
  });

  test('one connection has an end', async () => {
    const port = await guarded({ connections: 10, requestsPerConnection: 2, answerMs: 5_000 }, 'ok');
    const socket = connectTcp(port, '127.0.0.1');
    let answers = '';
    socket.on('data', (bytes) => (answers += bytes.toString()));
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET / HTTP/1.1\r\nHost: b\r\n\r\n'.repeat(3));
    await gone;
    expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});
