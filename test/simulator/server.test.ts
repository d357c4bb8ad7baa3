import { credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { manualClock } from '../../src/simulator/clocks.ts';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/server.ts';
import { issue } from '../support/certificates.ts';
import { callBridge, timeOf, type BridgeCaller } from './client.ts';

const ISPB = '12345678';
const START = Date.UTC(2026, 0, 5, 12, 30, 15, 250);

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function serve(options: SimulatorOptions = {}): Promise<{ simulator: Simulator; bridge: BridgeCaller }> {
  const clock = options.clock ?? manualClock(START);
  const simulator = await startSimulator({ scenario: 'calm', ...options, clock });
  opened.push(simulator);
  const bridge = callBridge(simulator.address);
  opened.push(bridge);
  return { simulator, bridge };
}

const tokens = (simulator: Simulator, policy: string) => simulator.buckets(ISPB).get(policy)?.tokens;

describe('GetRateLimitPolicies', () => {
  it('lists the 29 PSP policies as DICT does, at the clock of the simulator', async () => {
    const { bridge, simulator } = await serve();
    const reply = await bridge.list();
    expect(reply.policies).toHaveLength(29);
    expect(reply.response_time && timeOf(reply.response_time)).toBe(START);
    expect(reply.category).toBe('G');
    expect(reply.policies.map((policy) => policy.policy_category)).toEqual(Array(29).fill(''));
    expect(reply.policies.find(({ name }) => name === 'CIDS_FILES_WRITE')).toEqual({
      name: 'CIDS_FILES_WRITE',
      available_tokens: 200,
      capacity: 200,
      refill_tokens: 40,
      refill_period_sec: 86_400,
      policy_category: '',
    });
    expect(simulator.served(ISPB)).toBe(1);
    expect(simulator.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('spends a token of POLICIES_LIST after the answer is made up, until there is none', async () => {
    const { bridge, simulator } = await serve();
    const seen: number[] = [];
    for (let n = 0; n < 20; n++) {
      const { policies } = await bridge.list();
      seen.push(policies.find(({ name }) => name === 'POLICIES_LIST')?.available_tokens ?? NaN);
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => 20 - n));
    await expect(bridge.list()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(simulator.served(ISPB)).toBe(20);
    expect(simulator.buckets(ISPB).get('POLICIES_LIST')).toMatchObject({
      tokens: 0,
      consumed: 20,
      refused: 1,
    });
    expect((await bridge.list('00000000')).policies, 'each participant has its own').toHaveLength(29);
  });

  it('charges the refused call when told to', async () => {
    const { bridge, simulator } = await serve({ chargeRefused: true });
    for (let n = 0; n < 20; n++) await bridge.list();
    await expect(bridge.list()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(tokens(simulator, 'POLICIES_LIST')).toBe(-1);
  });

  it('moves with the clock', async () => {
    const clock = manualClock(START);
    const { bridge } = await serve({ clock, scenario: 'lively' });
    const before = await bridge.list();
    clock.set(START + 60_001);
    const after = await bridge.list();
    expect(after.response_time && timeOf(after.response_time)).toBe(START + 60_001);
    expect(after.policies).not.toEqual(before.policies);
  });
});

describe('GetRateLimitPolicy', () => {
  it('gives one policy and spends a token of POLICIES_READ', async () => {
    const { bridge, simulator } = await serve();
    const reply = await bridge.read('EVENT_LIST');
    expect(reply.policy).toMatchObject({ name: 'EVENT_LIST', capacity: 200 });
    expect(reply.response_time && timeOf(reply.response_time)).toBe(START);
    expect(tokens(simulator, 'POLICIES_READ')).toBe(199);
    expect(tokens(simulator, 'POLICIES_LIST')).toBe(20);
  });

  it('does not find an unknown policy, which costs the same', async () => {
    const { bridge, simulator } = await serve();
    await expect(bridge.read('NO_SUCH')).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect(simulator.buckets(ISPB).get('POLICIES_READ')).toMatchObject({ tokens: 199, notFound: 1, ok: 0 });
    expect(simulator.served(ISPB)).toBe(0);
  });

  it('is refused when its bucket is empty', async () => {
    const { bridge } = await serve();
    for (let n = 0; n < 200; n++) await bridge.read('EVENT_LIST');
    await expect(bridge.read('EVENT_LIST')).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe('the requesting participant', () => {
  it.each(['', '1234567', '123456789', 'abcdefgh', '1234 678'])('%j is refused', async (participant) => {
    const { bridge } = await serve();
    await expect(bridge.list(participant)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(bridge.read('EVENT_LIST', participant)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  it('must be one of the list, when there is one', async () => {
    const { bridge } = await serve({ participants: [ISPB, 'ABCD1234'] });
    await bridge.list('ABCD1234');
    await expect(bridge.list('00000000')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });
});

describe('the server', () => {
  it('tells one line per call', async () => {
    const lines: string[] = [];
    const { bridge } = await serve({ log: (line) => lines.push(line) });
    await bridge.list();
    await expect(bridge.read('NO_SUCH')).rejects.toThrow();
    expect(lines).toEqual(['GetRateLimitPolicies 12345678 OK', 'GetRateLimitPolicy 12345678 NOT_FOUND']);
  });

  it('runs on the real clock by default', async () => {
    const simulator = await startSimulator();
    opened.push(simulator);
    const bridge = callBridge(simulator.address);
    opened.push(bridge);
    const { response_time } = await bridge.list();
    expect(Math.abs((response_time ? timeOf(response_time) : 0) - systemClock.now())).toBeLessThan(60_000);
  });

  it('frees its port at once when closed, even under an open call, and can close twice', async () => {
    const { bridge, simulator } = await serve();
    simulator.faults.add({ kind: 'hung' }, { times: 1 }, { method: 'GetRateLimitPolicies' });
    simulator.faults.add({ kind: 'slow', delayMs: 3_600_000 }, { times: 1 }, { method: 'GetRateLimitPolicy' });
    const open = [bridge.list(), bridge.read('EVENT_LIST')];
    const cut = Promise.all(open.map(async (call) => expect(call).rejects.toMatchObject({ code: status.CANCELLED })));
    await expect.poll(() => simulator.faults.size).toBe(0);
    await simulator.close();
    await simulator.close();
    await cut;
    const port = Number(simulator.address.split(':')[1]);
    const again = await serve({ port });
    expect(again.simulator.address).toBe(simulator.address);
    expect((await again.bridge.list()).policies).toHaveLength(29);
  });

  it('refuses a port that is taken', async () => {
    const { simulator } = await serve();
    await expect(startSimulator({ port: Number(simulator.address.split(':')[1]) })).rejects.toThrow('EADDRINUSE');
  });
});

describe('TLS', () => {
  const authority = issue('Test authority');
  const server = issue('localhost', authority);
  const client = issue('client', authority);
  const stranger = issue('client', issue('Other authority'));

  const connect = async (tls: SimulatorOptions['tls'], shown?: typeof client) => {
    const { simulator } = await serve(tls === undefined ? {} : { tls });
    const secure =
      shown === undefined
        ? credentials.createSsl(authority.certPem)
        : credentials.createSsl(authority.certPem, shown.keyPem, shown.certPem);
    const bridge = callBridge(simulator.address, secure);
    opened.push(bridge);
    return bridge;
  };

  it('serves a client that trusts its certificate', async () => {
    const bridge = await connect({ cert: server.certPem, key: server.keyPem });
    expect((await bridge.list()).policies).toHaveLength(29);
  });

  it('wants a certificate of the right authority from the client, when it has one', async () => {
    const tls = { cert: server.certPem, key: server.keyPem, clientCa: authority.certPem };
    expect((await (await connect(tls, client)).list()).policies).toHaveLength(29);
    await expect((await connect(tls)).list()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect((await connect(tls, stranger)).list()).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});
