import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createBridgeClient } from '../../src/poll/bridgeClient.ts';
import type { BridgeClient, BridgeTls, BridgeCall } from '../../src/poll/bridgeClient.ts';
import { BridgeError, RETRY, bridgeErrorOf } from '../../src/poll/bridgeError.ts';
import type { Retry } from '../../src/poll/bridgeError.ts';
import { issue } from '../support/certificates.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import { startFakeBridge } from './fakeBridge.ts';
import type { FakeBridge, Reply } from './fakeBridge.ts';
import { answerAt, reading } from '../support/answers.ts';

const ANSWER = answerAt(Date.UTC(2026, 8, 20));
const CORRELATION = '0123456789abcdef0123456789abcdef';
const call = (changes: Partial<BridgeCall> = {}): BridgeCall => ({
  correlationId: CORRELATION,
  deadlineMs: 10_000,
  signal: new AbortController().signal,
  ...changes,
});

const RECONNECTS = { timeout: 15_000 };

const open: { close(): void }[] = [];
afterEach(() => {
  open.splice(0).forEach((one) => one.close());
});

async function bridge(reply: Reply, credentials?: ServerCredentials): Promise<FakeBridge> {
  const started = await startFakeBridge(reply, credentials);
  open.push(started);
  return started;
}

function client(address: string, tls: BridgeTls | null = null, participant = '12345678'): BridgeClient {
  const created = createBridgeClient({ address, participant, tls });
  open.push(created);
  return created;
}

/** The error of a call that must fail. */
async function failure(calling: Promise<unknown>): Promise<unknown> {
  return calling.then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  );
}

describe('listPolicies', () => {
  it('brings the answer, and tells who asks', async () => {
    const server = await bridge(ANSWER);
    expect(await client(server.address).listPolicies(call())).toEqual(ANSWER);
    expect(server.calls[0]?.get('pi-requesting-participant')).toEqual(['12345678']);
    expect(server.calls[0]?.get('correlation-id')).toEqual([CORRELATION]);
  });

  it('takes 10,000 policies with the longest names believed', async () => {
    const policies = Array.from({ length: 10_000 }, (_, i) => reading({ name: `${'Ω'.repeat(194)}${i}` }));
    const server = await bridge({ ...ANSWER, policies });
    const answer = await client(server.address).listPolicies(call());
    expect(answer.policies).toHaveLength(10_000);
  });

  it('gives up on a silent Bridge at the deadline', async () => {
    const server = await bridge('silence');
    const error = await failure(client(server.address).listPolicies(call({ deadlineMs: 100 })));
    expect(error).toMatchObject({ name: 'BridgeError', code: 'DEADLINE_EXCEEDED', retry: 'backoff' });
  });

  it('gives up at the deadline on a port that accepts and then says nothing', async () => {
    const mute = createServer();
    open.push(mute);
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    const { port } = mute.address() as AddressInfo;
    const error = await failure(client(`127.0.0.1:${port}`).listPolicies(call({ deadlineMs: 100 })));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', retry: 'backoff' });
  });

  it('rejects with the reason of its signal as soon as that aborts', async () => {
    const server = await bridge('silence');
    const abort = new AbortController();
    const calling = failure(client(server.address).listPolicies(call({ signal: abort.signal })));
    await expect.poll(() => server.calls.length).toBe(1);
    abort.abort(new Error('stopping'));
    expect(await calling).toEqual(new Error('stopping'));
    expect(await failure(client(server.address).listPolicies(call({ signal: abort.signal })))).toEqual(
      new Error('stopping'),
    );
  });

  it('reports a Bridge that is not there as unavailable, and finds it when it comes back', RECONNECTS, async () => {
    const server = await bridge(ANSWER);
    const asking = client(server.address);
    await asking.listPolicies(call());
    server.close();
    expect(await failure(asking.listPolicies(call()))).toMatchObject({
      code: 'UNAVAILABLE',
      retry: 'backoff',
    });
    open.push(await startFakeBridge(ANSWER, ServerCredentials.createInsecure(), server.address));
    const asked = async () => asking.listPolicies(call()).catch(() => null);
    await expect.poll(asked, { timeout: 10_000 }).toEqual(ANSWER);
  });

  it('serves participants of several Bridges side by side', async () => {
    const [one, two] = [await bridge(ANSWER), await bridge(answerAt(Date.UTC(2026, 8, 21)))];
    const answers = await Promise.all([
      client(one.address, null, '11111111').listPolicies(call()),
      client(two.address, null, '22222222').listPolicies(call()),
    ]);
    expect(answers.map((answer) => answer.responseTime)).toEqual([Date.UTC(2026, 8, 20), Date.UTC(2026, 8, 21)]);
    expect(two.calls[0]?.get('pi-requesting-participant')).toEqual(['22222222']);
  });

  it('reads one policy, and says of which none is known', async () => {
    const simulator = await startSimulator({ seed: 3 });
    open.push({ close: () => void simulator.close() });
    const asking = client(simulator.address);
    const listed = await asking.listPolicies(call());
    const read = await asking.readPolicy('KEYS_CHECK', call());
    expect(read.policies.map(({ name, capacity }) => [name, capacity])).toEqual([['KEYS_CHECK', 70]]);
    expect(read.category).toBe(listed.category);
    expect(await failure(asking.readPolicy('NO_SUCH', call()))).toMatchObject({ code: 'NOT_FOUND', retry: 'never' });
  });

  it('may be closed twice', async () => {
    const closing = client((await bridge(ANSWER)).address);
    closing.close();
    closing.close();
  });
});

const RETRYABILITY: Readonly<Record<Retry, readonly string[]>> = {
  backoff: ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNKNOWN', 'ABORTED', 'DATA_LOSS', 'CANCELLED'],
  refill: ['RESOURCE_EXHAUSTED'],
  never: [
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'INVALID_ARGUMENT',
    'NOT_FOUND',
    'UNIMPLEMENTED',
    'FAILED_PRECONDITION',
    'OUT_OF_RANGE',
    'ALREADY_EXISTS',
  ],
};

describe('the table of statuses [POLL-3]', () => {
  it('knows every status of gRPC but OK', () => {
    const names = Object.keys(status).filter((name) => Number.isNaN(Number(name)) && name !== 'OK');
    expect(Object.keys(RETRY).sort()).toEqual(names.sort());
    expect(Object.values(RETRYABILITY).flat().sort()).toEqual(names.sort());
  });

  it.each(Object.entries(RETRYABILITY).flatMap(([retry, names]) => names.map((name) => [name, retry])))(
    'makes %s over the wire an error of retry class %s',
    async (name, retry) => {
      const code = status[name as keyof typeof status];
      const server = await bridge({ code, details: 'whatever the text says: UNAVAILABLE, retry later' });
      const error = await failure(client(server.address).listPolicies(call()));
      expect(error).toBeInstanceOf(BridgeError);
      expect(error).toMatchObject({ code: name, retry });
    },
  );

  it('takes a status that gRPC does not define for UNKNOWN', () => {
    for (const code of [99, -1, 0]) {
      expect(bridgeErrorOf({ code, details: '' })).toMatchObject({ code: 'UNKNOWN', retry: 'backoff' });
    }
  });

  it('keeps only the beginning of a long text', () => {
    expect(bridgeErrorOf({ code: status.INTERNAL, details: 'x'.repeat(10_000) }).message.length).toBeLessThan(600);
  });
});

describe('transport security', () => {
  const authority = issue('ca.test');
  const server = issue('bridge.test', authority);
  const poller = issue('poller.test', authority);
  const stranger = issue('stranger.test');
  const keyOf = (identity: typeof poller) => ({ cert: identity.certPem, key: identity.keyPem });
  const secured = async (demandClient: boolean): Promise<FakeBridge> => {
    const pair = { private_key: server.keyPem, cert_chain: server.certPem };
    return bridge(ANSWER, ServerCredentials.createSsl(authority.certPem, [pair], demandClient));
  };

  it('speaks TLS with a Bridge whose certificate the authority signed', async () => {
    const { address } = await secured(false);
    const asking = client(address, { ca: authority.certPem, serverName: 'bridge.test' });
    expect(await asking.listPolicies(call())).toEqual(ANSWER);
  });

  it('speaks mutual TLS with its own certificate', async () => {
    const { address } = await secured(true);
    const tls = { ca: authority.certPem, serverName: 'bridge.test', client: keyOf(poller) };
    expect(await client(address, tls).listPolicies(call())).toEqual(ANSWER);
  });

  it.each<[string, boolean, BridgeTls | null]>([
    ['an authority it does not trust', false, { ca: stranger.certPem, serverName: 'bridge.test' }],
    ['another name in the certificate', false, { ca: authority.certPem, serverName: 'other.test' }],
    ['a missing client certificate', true, { ca: authority.certPem, serverName: 'bridge.test' }],
    [
      'a client certificate that the Bridge does not trust',
      true,
      { ca: authority.certPem, serverName: 'bridge.test', client: keyOf(stranger) },
    ],
    ['plaintext', false, null],
  ])('refuses %s, and says nothing of keys', async (_, demandClient, tls) => {
    const { address } = await secured(demandClient);
    const error = await failure(client(address, tls).listPolicies(call()));
    expect(error).toBeInstanceOf(BridgeError);
    expect(String(error)).not.toContain('PRIVATE KEY');
  });

  it('refuses a key that is none before it connects', () => {
    const tls = { ca: authority.certPem, client: { cert: poller.certPem, key: Buffer.from('no key') } };
    expect(() => createBridgeClient({ address: '127.0.0.1:1', participant: '12345678', tls })).toThrow();
  });
});
