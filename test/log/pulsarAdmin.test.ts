import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { AdminClient } from '../../src/log/pulsar/admin.ts';
import { plainCluster } from '../../src/log/pulsar/settings.ts';

/** A server that resets each connection at its second request, as one whose idle time-out ends at that moment does. */
async function withResettingServer(work: (admin: AdminClient, requests: () => number) => Promise<void>): Promise<void> {
  const seen = new Set<Socket>();
  let requests = 0;
  const server = createServer(({ socket }, response) => {
    requests += 1;
    if (seen.has(socket)) socket.resetAndDestroy();
    else response.end('{}');
    seen.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const adminUrl = `http://127.0.0.1:${port}`;
  const admin = new AdminClient(plainCluster({ serviceUrl: 'pulsar://127.0.0.1:1', adminUrl }, 'namespace'));
  try {
    await work(admin, () => requests);
  } finally {
    admin.close();
    server.close();
  }
}

it('a question on a connection that the broker just closed is asked again on a new one', async () => {
  await withResettingServer(async (admin, requests) => {
    expect(await admin.get('a')).toEqual({});
    expect(await admin.get('b')).toEqual({});
    expect(requests()).toBe(3);
  });
});

it('a change is not: it may have been made', async () => {
  await withResettingServer(async (admin) => {
    expect(await admin.get('a')).toEqual({});
    await expect(admin.request('PUT', 'b')).rejects.toThrow(/ECONNRESET/);
  });
});
