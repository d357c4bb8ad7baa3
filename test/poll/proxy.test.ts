import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createBridgeClient } from '../../src/poll/bridgeClient.ts';
import { bridgeProxy } from '../../src/poll/proxy.ts';
import { startSimulator } from '../../src/simulator/server.ts';

afterEach(() => void vi.unstubAllEnvs());

/** A proxy that lets nobody through, and counts who asks. */
async function refusingProxy() {
  let asked = 0;
  const server = createServer();
  server.on('connect', (_, socket) => {
    asked += 1;
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    url: `http://user:s3cret@127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
  };
}

async function ask(): Promise<number> {
  const simulator = await startSimulator();
  onTestFinished(async () => await simulator.close());
  const client = createBridgeClient({ address: simulator.address, participant: '12345678', tls: null });
  onTestFinished(() => client.close());
  const { signal } = new AbortController();
  return (await client.listPolicies({ correlationId: 'a'.repeat(32), deadlineMs: 10_000, signal })).policies.length;
}

describe('[POLL-7] the way to the Bridge', () => {
  test.each(['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy'])(
    '%s is about the web: the Bridge is reached directly',
    async (name) => {
      const proxy = await refusingProxy();
      vi.stubEnv(name, proxy.url);
      expect(bridgeProxy()).toBeNull();
      expect(await ask()).toBeGreaterThan(0);
      expect(proxy.asked()).toBe(0);
    },
  );

  test('grpc_proxy is taken, and named without its password', async () => {
    const proxy = await refusingProxy();
    vi.stubEnv('grpc_proxy', proxy.url);
    await expect(ask()).rejects.toThrow(/UNAVAILABLE/);
    expect(proxy.asked()).toBeGreaterThan(0);
    expect(bridgeProxy()).toBe(new URL(proxy.url).host);
  });

  test.each([
    ['http://proxy', 'proxy:80'],
    ['http://u:p@proxy:3128/', 'proxy:3128'],
    ['https://proxy:3128', null],
    ['proxy:3128', null],
    ['', null],
  ])('%s is %s', (value, proxy) => {
    expect(bridgeProxy({ grpc_proxy: value })).toBe(proxy);
  });
});
