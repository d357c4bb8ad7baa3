import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { manualClock } from '../../src/simulator/clocks.ts';
import { Faults, type Fault, type Scope, type When } from '../../src/simulator/faults.ts';
import * as garbage from '../../src/simulator/garbage.ts';
import { startSimulator, type Simulator } from '../../src/simulator/server.ts';
import { callBridge, timeOf, type BridgeCaller, type ListReply } from './client.ts';

const START = Date.UTC(2026, 0, 5, 12);
/** Every call is a simulated hour after the one before, so that no bucket of the calls themselves runs dry. */
const clock = manualClock(START);
let simulator: Simulator;
let bridge: BridgeCaller;

beforeAll(async () => {
  simulator = await startSimulator({ scenario: 'calm', clock });
  bridge = callBridge(simulator.address);
});
afterEach(() => simulator.faults.clear());
afterAll(async () => {
  bridge.close();
  await simulator.close();
});

const list = async (participant?: string, deadlineMs?: number): Promise<ListReply> => {
  clock.set(clock.now() + 3_600_000);
  return bridge.list(participant, deadlineMs);
};
const garbled = async (garble: garbage.Garble): Promise<ListReply> => {
  simulator.faults.add({ kind: 'garbage', garble }, { times: 1 });
  return list();
};
const codes = async (calls: number): Promise<status[]> => {
  const seen: status[] = [];
  for (let n = 0; n < calls; n++) {
    seen.push(
      await list().then(
        () => status.OK,
        (error: unknown) => (error as { code: status }).code,
      ),
    );
  }
  return seen;
};
const charged = (): number => simulator.buckets('12345678').get('POLICIES_LIST')?.consumed ?? NaN;

describe('a failing Bridge', () => {
  it.each([status.UNAUTHENTICATED, status.UNAVAILABLE, status.INTERNAL, status.RESOURCE_EXHAUSTED])(
    'fails the next calls with code %i, which cost nothing',
    async (code) => {
      const before = charged();
      simulator.faults.add({ kind: 'status', code, details: 'by order' }, { times: 2 });
      expect(await codes(3)).toEqual([code, code, status.OK]);
      expect(charged()).toBe(before + 1);
      expect(simulator.faults.size).toBe(0);
    },
  );

  it('fails until told otherwise', async () => {
    const lift = simulator.faults.add({ kind: 'status', code: status.UNAVAILABLE });
    expect(await codes(4)).toEqual(Array(4).fill(status.UNAVAILABLE));
    lift();
    expect(await codes(1)).toEqual([status.OK]);
  });

  it('fails only the method and participant it is told to', async () => {
    const fault: Fault = { kind: 'status', code: status.INTERNAL };
    simulator.faults.add(fault, 'always', { method: 'GetRateLimitPolicy' });
    simulator.faults.add(fault, 'always', { participant: 'ABCD1234' });
    await list();
    await expect(bridge.read('EVENT_LIST')).rejects.toMatchObject({ code: status.INTERNAL });
    await expect(list('ABCD1234')).rejects.toMatchObject({ code: status.INTERNAL });
  });

  it('answers late, though DICT was charged at once', async () => {
    const before = charged();
    simulator.faults.add({ kind: 'slow', delayMs: 60_000 }, { times: 1 });
    await expect(list('12345678', 200)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(charged()).toBe(before + 1);
    simulator.faults.add({ kind: 'slow', delayMs: 30 }, { times: 1 });
    const from = performance.now();
    expect((await list()).policies).toHaveLength(29);
    expect(performance.now() - from).toBeGreaterThanOrEqual(29);
  });

  it('hangs until the caller gives up', async () => {
    const before = charged();
    simulator.faults.add({ kind: 'hung' }, { times: 1 });
    await expect(list('12345678', 200)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(charged()).toBe(before);
    await list();
  });
});

describe('a Bridge that answers garbage', () => {
  const named = (reply: ListReply, name: string) => reply.policies.filter((policy) => policy.name === name);

  it('no response_time', async () => {
    const reply = await garbled(garbage.withoutResponseTime);
    expect(reply.response_time).toBeNull();
    expect(reply.policies).toHaveLength(29);
  });

  it('zero capacity, of one or all', async () => {
    const one = await garbled(garbage.zeroCapacity('EVENT_LIST'));
    expect(one.policies.filter(({ capacity }) => capacity === 0).map(({ name }) => name)).toEqual(['EVENT_LIST']);
    const all = await garbled(garbage.zeroCapacity());
    expect(all.policies.every(({ capacity }) => capacity === 0)).toBe(true);
  });

  it('negative refill', async () => {
    const reply = await garbled(garbage.negativeRefill('EVENT_LIST'));
    expect(named(reply, 'EVENT_LIST')).toMatchObject([{ refill_tokens: -40 }]);
  });

  it('an empty list', async () => {
    expect((await garbled(garbage.emptyList)).policies).toEqual([]);
  });

  it('duplicates', async () => {
    const [first, second] = named(await garbled(garbage.duplicatePolicies('EVENT_LIST')), 'EVENT_LIST');
    expect(second?.available_tokens).toBe((first?.available_tokens ?? NaN) - 1);
    expect((await garbled(garbage.duplicatePolicies())).policies).toHaveLength(58);
  });

  it('10,000 policies too many', async () => {
    const reply = await garbled(garbage.extraPolicies(10_000));
    expect(new Set(reply.policies.map(({ name }) => name)).size).toBe(10_029);
  });

  it('an unknown category, or none', async () => {
    expect((await garbled(garbage.withCategory('Z'))).category).toBe('Z');
    expect((await garbled(garbage.withCategory(''))).category).toBe('');
  });

  it('policy names that nobody knows', async () => {
    const reply = await garbled(garbage.unknownNames('NEW_', 'EVENT_LIST'));
    expect(named(reply, 'NEW_EVENT_LIST')).toHaveLength(1);
    expect(named(reply, 'EVENT_LIST')).toHaveLength(0);
  });

  it('a clock that steps back', async () => {
    const { response_time } = await garbled(garbage.shiftedResponseTime(-7_200_250));
    expect(response_time && timeOf(response_time)).toBe(clock.now() - 7_200_250);
  });

  it('a clock that stands still, where it was or where told', async () => {
    simulator.faults.add({ kind: 'garbage', garble: garbage.frozenResponseTime() });
    const [first, second] = [await list(), await list()];
    expect(second.response_time).toEqual(first.response_time);
    simulator.faults.clear();
    const { response_time } = await garbled(garbage.frozenResponseTime(START));
    expect(response_time && timeOf(response_time)).toBe(START);
  });

  it('several faults at once, in the order added', async () => {
    const both = garbage.compose(garbage.extraPolicies(2), garbage.duplicatePolicies('EXTRA_1'));
    simulator.faults.add({ kind: 'garbage', garble: both }, { times: 1 });
    simulator.faults.add({ kind: 'garbage', garble: garbage.withoutResponseTime }, { times: 1 });
    const reply = await list();
    expect(named(reply, 'EXTRA_1')).toHaveLength(2);
    expect(reply.response_time).toBeNull();
  });

  it('and in the answer for one policy as well', async () => {
    simulator.faults.add({ kind: 'garbage', garble: garbage.zeroCapacity() }, { times: 1 });
    expect((await bridge.read('EVENT_LIST')).policy).toMatchObject({ name: 'EVENT_LIST', capacity: 0 });
    simulator.faults.add({ kind: 'garbage', garble: garbage.emptyList }, { times: 1 });
    expect((await bridge.read('EVENT_LIST')).policy).toBeNull();
  });

  it('a garble that throws fails the call, not the server', async () => {
    const garble = (): never => {
      throw new Error('broken garble');
    };
    simulator.faults.add({ kind: 'garbage', garble }, { times: 1 });
    expect(await codes(2)).toEqual([status.INTERNAL, status.OK]);
  });
});

describe('Faults', () => {
  const failures = (when: When, calls: number, seed = 1, scope: Scope = {}): number[] => {
    const faults = new Faults(seed);
    faults.add({ kind: 'status', code: status.UNAVAILABLE }, when, scope);
    return Array.from({ length: calls }, (_, n) => n).filter(
      () => faults.draw('GetRateLimitPolicies', '12345678').failure !== null,
    );
  };

  it('hits a share of the calls, the same ones under the same seed', () => {
    const hit = failures({ probability: 0.3 }, 1000);
    expect(hit.length).toBeGreaterThan(250);
    expect(hit.length).toBeLessThan(350);
    expect(failures({ probability: 0.3 }, 1000)).toEqual(hit);
    expect(failures({ probability: 0.3 }, 1000, 2)).not.toEqual(hit);
    expect(failures({ probability: 0 }, 100)).toEqual([]);
  });

  it('counts only the calls in its scope', () => {
    expect(failures({ times: 2 }, 5, 1, { participant: 'ABCD1234' })).toEqual([]);
    expect(failures({ times: 2 }, 5)).toEqual([0, 1]);
    expect(failures({ times: 0 }, 5)).toEqual([]);
  });

  it('adds up delays and lets the first failure win', () => {
    const faults = new Faults(1);
    faults.add({ kind: 'slow', delayMs: 10 });
    faults.add({ kind: 'slow', delayMs: 5 });
    faults.add({ kind: 'status', code: status.INTERNAL });
    faults.add({ kind: 'status', code: status.UNAVAILABLE });
    expect(faults.draw('GetRateLimitPolicy', '12345678')).toMatchObject({
      delayMs: 15,
      failure: { code: status.INTERNAL, details: 'injected fault' },
    });
  });
});
