/** The broker itself: real starts, asked through its admin interface. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { startBroker } from '../../tools/pulsar-broker/broker.ts';
import type { Broker } from '../../tools/pulsar-broker/broker.ts';
import { issue } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar } from '../support/pulsarSuites.ts';
import { temporaryFolder } from './pulsarBrokerFakes.ts';

const START_MS = 150_000;
const HEALTH = '/admin/v2/brokers/health';
const PARTITIONED = '/admin/v2/persistent/public/default/partitioned';

async function httpsStatus(url: string, options: RequestOptions): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('error', reject);
    asked.end();
  });
}

describePulsar('a broker with tokens and TLS', () => {
  const authority = issue('authority');
  const server = issue('localhost', authority);
  const client = issue('client', authority);
  const tls = { ca: authority.certPem, servername: 'localhost' };
  let broker: Broker;

  const authorization = (): Record<string, string> => ({ authorization: `Bearer ${broker.adminToken}` });
  const admin = async (path: string): Promise<Response> =>
    await fetch(broker.adminUrl + path, { headers: authorization() });

  beforeAll(async () => {
    const folder = await temporaryFolder();
    const file = async (name: string, content: Buffer): Promise<string> => {
      await writeFile(join(folder, name), content);
      return join(folder, name);
    };
    broker = await startBroker({
      dataDir: join(folder, 'data'),
      quickStart: true,
      tokenSecretFile: await file('secret', randomBytes(32)),
      tls: {
        certFile: await file('cert.pem', server.certPem),
        keyFile: await file('key.pem', server.keyPem),
        caFile: await file('ca.pem', authority.certPem),
        requireClientCertificates: true,
      },
    });
  }, START_MS);
  afterAll(async () => await broker.kill());

  test('answers who shows a token, and nobody else', async () => {
    expect((await fetch(broker.adminUrl + PARTITIONED)).status).toBe(401);
    expect((await admin(PARTITIONED)).status).toBe(200);
  });

  test('answers over TLS who shows a certificate, and nobody else', async () => {
    const url = `${broker.adminUrlTls}${PARTITIONED}`;
    expect(broker.serviceUrlTls).toMatch(/^pulsar\+ssl:\/\/127\.0\.0\.1:\d+$/);
    const identity = { cert: client.certPem, key: client.keyPem };
    expect(await httpsStatus(url, { ...tls, ...identity, headers: authorization() })).toBe(200);
    await expect(httpsStatus(url, { ...tls, headers: authorization() })).rejects.toThrow();
  });

  test('paused it accepts connections and answers nothing; resumed it goes on', async () => {
    broker.pause();
    const silent = fetch(broker.adminUrl + HEALTH, {
      headers: authorization(),
      signal: AbortSignal.timeout(500),
    });
    await expect(silent).rejects.toMatchObject({ name: 'TimeoutError' });
    broker.resume();
    expect((await admin(HEALTH)).status).toBe(200);
  });
});

interface Ready {
  readonly serviceUrl: string;
  readonly adminUrl: string;
  readonly pid: number;
  readonly logFile: string;
}

describePulsar('npm run pulsar', () => {
  const run = (dataDir: string, port: string, webPort: string): ChildProcessByStdio<null, Readable, null> => {
    const main = join(packageRoot, 'dist', 'tools', 'pulsar-broker', 'main.js');
    const ports = ['--port', port, '--web-port', webPort, '--quick-start', '--heap', '512m'];
    return spawn(process.execPath, [main, '--json', '--data-dir', dataDir, ...ports], {
      env: { ...process.env, JAVA_TOOL_OPTIONS: '-Dbalde.log.level=info' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  };
  const readyOf = async (child: { readonly stdout: Readable }): Promise<Ready> => {
    for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as Ready;
    throw new Error('it ended without being ready');
  };

  test(
    'killed, it takes the broker with it; started again on the same folder and ports, it has its topics; asked to stop, it ends with 0',
    async () => {
      const dataDir = await temporaryFolder();
      const first = run(dataDir, '0', '0');
      const { pid, serviceUrl, adminUrl, logFile } = await readyOf(first);
      const made = await fetch(`${adminUrl}/admin/v2/persistent/public/default/kept/partitions`, {
        ...{ method: 'PUT', body: '2', headers: { 'content-type': 'application/json' } },
      });
      expect(made.status).toBe(204);
      first.kill('SIGKILL');
      await eventually('the broker is gone', async () => Promise.resolve(!isAlive(pid)));

      const second = run(dataDir, new URL(serviceUrl).port, new URL(adminUrl).port);
      const ended = once(second, 'exit');
      const ready = await readyOf(second);
      expect(ready).toMatchObject({ serviceUrl, adminUrl });
      expect((await fetch(ready.adminUrl + HEALTH)).status).toBe(200);
      expect(await (await fetch(ready.adminUrl + PARTITIONED)).json()).toContain('persistent://public/default/kept');
      // Found while the bookie registers, what the killed one left makes it go in circles (Standalone.java).
      const log = await readFile(logFile, 'utf8');
      const forgotten = log.lastIndexOf('Deleting path: /ledgers/available/');
      expect(forgotten).toBeGreaterThan(0);
      expect(forgotten).toBeLessThan(log.lastIndexOf('Starting BK with RocksDb'));
      second.kill('SIGINT');
      expect(await ended).toEqual([0, null]);
      expect(isAlive(ready.pid)).toBe(false);
    },
    2 * START_MS,
  );
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
