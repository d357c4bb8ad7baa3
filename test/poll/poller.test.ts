import { describe, expect, it, vi } from 'vitest';
import { BridgeError } from '../../src/poll/bridgeError.ts';
import { producerName } from '../../src/poll/poller.ts';
import { ROOM } from '../../src/poll/sequence.ts';
import { pollIdentity } from '../../src/domain/identity.ts';
import { createBridgeClient } from '../../src/poll/bridgeClient.ts';
import { startFakeBridge } from './fakeBridge.ts';
import { createFakeLog } from './fakeLog.ts';
import { answerAt, reading } from '../support/answers.ts';
import { MINUTE, START, start } from './harness.ts';
import { settle } from './manualClock.ts';

const FIRST_TICK = START + 5 * MINUTE;

describe('a poll', () => {
  it('publishes every policy of the answer, in order of policy, under ids of its response time', async () => {
    const poller = await start();
    await poller.clock.advance(5 * MINUTE);
    const [sent] = poller.log.attempts;
    expect(sent?.map((message) => [message.key, message.sequenceId])).toEqual([
      ['12345678:CLAIMS_READ', FIRST_TICK * ROOM],
      ['12345678:ENTRIES_WRITE', FIRST_TICK * ROOM + 1],
    ]);
    expect(poller.all('onPublished')).toMatchObject([{ observations: 2, stored: 2, responseTime: FIRST_TICK }]);
    expect(poller.all('onPolled')).toMatchObject([{ accepted: 2, rejected: 0, category: 'F' }]);
    expect(poller.all('onDuplicate')).toEqual([]);
    await poller.stop();
  });

  it('is known by who asked and when, also to the Bridge', async () => {
    const poller = await start();
    await poller.clock.advance(5 * MINUTE);
    const pollId = pollIdentity('12345678', FIRST_TICK);
    expect(poller.calls).toMatchObject([{ correlationId: pollId.replaceAll('-', ''), deadlineMs: 30_000 }]);
    expect(poller.calls[0]?.correlationId).toMatch(/^[0-9a-f]{32}$/);
    const [message] = poller.log.attempts[0] ?? [];
    expect(JSON.parse(String(message?.payload))).toMatchObject({
      pollId,
      correlationId: poller.calls[0]?.correlationId,
      observedAt: FIRST_TICK,
    });
    await poller.stop();
  });

  it('comes at once after an election when asked to', async () => {
    const poller = await start({ deps: { pollWhenElected: true } });
    expect(poller.calls.map((call) => call.at)).toEqual([START]);
    await poller.clock.advance(5 * MINUTE);
    expect(poller.calls.map((call) => call.at)).toEqual([START, FIRST_TICK]);
    await poller.stop();
  });

  it('never overlaps another: ticks that come during a slow answer are skipped [POLL-2]', async () => {
    let under = 0;
    let most = 0;
    const poller = await start({
      ask: async (call) => {
        most = Math.max(most, ++under);
        await poller.clock.sleep(17 * MINUTE, call.signal);
        under--;
        return answerAt(poller.clock.now());
      },
    });
    await poller.clock.advance(40 * MINUTE);
    expect(most).toBe(1);
    expect(poller.calls.map((call) => (call.at - START) / MINUTE)).toEqual([5, 25]);
    expect(poller.all('onPublished')).toHaveLength(1);
    await poller.stop();
  });

  it('serves several participants, each with its own Bridge', async () => {
    const log = createFakeLog();
    const bridges = [await startFakeBridge(answerAt(START)), await startFakeBridge(answerAt(START + 1))];
    const pollers = await Promise.all(
      ['11111111', '22222222'].map(async (participant, i) => {
        const bridge = createBridgeClient({ address: bridges[i]?.address ?? '', participant, tls: null });
        return { bridge, poller: await start({ log, deps: { participant, bridge, pollWhenElected: true } }) };
      }),
    );
    await expect.poll(() => log.attempts.length).toBe(2);
    expect(log.elections.sort()).toEqual(['poller-11111111', 'poller-22222222']);
    for (const [i, participant] of ['11111111', '22222222'].entries()) {
      expect(bridges[i]?.calls.map((call) => call.get('pi-requesting-participant'))).toEqual([[participant]]);
      const sent = log.attempts.flat().filter((message) => message.key.startsWith(participant));
      expect(sent.map((message) => message.eventTime)).toEqual([START + i, START + i]);
    }
    for (const { bridge, poller } of pollers) {
      await poller.stop();
      bridge.close();
    }
    bridges.forEach((bridge) => bridge.close());
  });
});

describe('a Bridge that fails [POLL-3]', () => {
  const failing = async (code: ConstructorParameters<typeof BridgeError>[0]) =>
    start({ ask: async () => Promise.reject(new BridgeError(code, 'no')), deps: { pollWhenElected: true } });
  const callTimes = (poller: Awaited<ReturnType<typeof start>>): number[] =>
    poller.calls.map((call) => (call.at - START) / 1000);

  it('is asked again after 2, 4, 8 and 16 seconds, five times in all, then left until the next tick', async () => {
    const poller = await failing('UNAVAILABLE');
    await poller.clock.advance(4 * MINUTE);
    expect(callTimes(poller)).toEqual([0, 2, 6, 14, 30]);
    expect(new Set(poller.calls.map((call) => call.correlationId)).size).toBe(1);
    expect(poller.all('onPollFailed')).toMatchObject([{ status: 'UNAVAILABLE', durationMs: 30_000 }]);
    expect(poller.all('onCall')).toHaveLength(5);
    // Between two calls is a wait: each says why.
    expect(poller.lines.filter(({ msg, level }) => msg === 'a call to the Bridge failed' && level === 40)).toHaveLength(
      5,
    );
    await poller.clock.advance(MINUTE);
    expect(callTimes(poller).slice(5)).toEqual([300]);
    await poller.stop();
  });

  it.each(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'INVALID_ARGUMENT'] as const)(
    'with %s is not asked again before the next tick',
    async (code) => {
      const poller = await failing(code);
      await poller.clock.advance(4 * MINUTE);
      expect(poller.calls).toHaveLength(1);
      expect(poller.all('onPollFailed')).toMatchObject([{ status: code }]);
      await poller.clock.advance(6 * MINUTE);
      expect(poller.calls).toHaveLength(3);
      await poller.stop();
    },
  );

  it('without tokens is left alone for the documented refill period, five times in all', async () => {
    const poller = await failing('RESOURCE_EXHAUSTED');
    await poller.clock.advance(4 * MINUTE + 59_000);
    expect(callTimes(poller)).toEqual([0, 60, 120, 180, 240]);
    expect(poller.all('onPollFailed')).toMatchObject([{ status: 'RESOURCE_EXHAUSTED' }]);
    await poller.stop();
  });

  it.each([
    ['the one that DICT reported', 45, 45],
    ['at most an hour', 86_400, 3_600],
    ['the documented one when the reported is no period', 0, 60],
  ])('without tokens is left alone for a refill period: %s', async (_, reported, expected) => {
    const own = reading({ name: 'POLICIES_LIST', refillPeriodSec: reported });
    const poller = await start({
      deps: { pollWhenElected: true },
      ask: async (_call, attempt, now) => {
        if (attempt === 2) throw new BridgeError('RESOURCE_EXHAUSTED', 'no tokens');
        return Promise.resolve(answerAt(now, [reading(), own]));
      },
    });
    await poller.clock.advance(5 * MINUTE + expected * 1000);
    expect(callTimes(poller).slice(0, 3)).toEqual([0, 300, 300 + expected]);
    await poller.stop();
  });

  it('recovers within a poll: what it answers at last is published once', async () => {
    const poller = await start({
      deps: { pollWhenElected: true },
      ask: async (_call, attempt, now) => {
        if (attempt < 4) throw new BridgeError(attempt === 2 ? 'DEADLINE_EXCEEDED' : 'INTERNAL', 'no');
        return Promise.resolve(answerAt(now));
      },
    });
    await poller.clock.advance(MINUTE);
    expect(callTimes(poller)).toEqual([0, 2, 6, 14]);
    expect(poller.all('onPollFailed')).toEqual([]);
    expect(poller.stored()).toEqual(['CLAIMS_READ', 'ENTRIES_WRITE']);
    await poller.stop();
  });

  it('or a defect anywhere in a poll never ends the schedule', async () => {
    const poller = await start({
      ask: async () => Promise.reject(new TypeError('a defect')),
      deps: { pollWhenElected: true },
    });
    await poller.clock.advance(10 * MINUTE);
    expect(poller.calls).toHaveLength(3);
    expect(poller.all('onPollFailed').map((event) => event.status)).toEqual(['ERROR', 'ERROR', 'ERROR']);
    await poller.stop();
  });
});

describe('an answer [DOM-2]', () => {
  const polled = async (answer: ReturnType<typeof answerAt>) => {
    const poller = await start({ ask: async () => Promise.resolve(answer), deps: { pollWhenElected: true } });
    await poller.stop();
    return poller;
  };

  it('with bad policies loses only those', async () => {
    const poller = await polled(
      answerAt(START, [
        reading({ name: 'NO_CAPACITY', capacity: 0 }),
        reading({ name: 'NEGATIVE_REFILL', refillTokens: -1 }),
        reading({ name: '' }),
        reading({ name: 'TWICE', availableTokens: 1 }),
        reading({ name: 'TWICE', availableTokens: 2 }),
        reading({ name: 'IN_DEBT', availableTokens: -15 }),
      ]),
    );
    expect(poller.stored()).toEqual(['IN_DEBT', 'TWICE']);
    expect(poller.all('onRejectedPolicy').map((event) => [event.reading.name, event.reason])).toEqual([
      ['NO_CAPACITY', 'capacity_not_positive'],
      ['NEGATIVE_REFILL', 'refill_tokens_negative'],
      ['', 'policy_name_empty'],
      ['TWICE', 'duplicate_policy'],
    ]);
    expect(poller.all('onPolled')).toMatchObject([{ accepted: 2, rejected: 4 }]);
    const logged = poller.lines.filter((line) => line['reason'] === 'refill_tokens_negative');
    expect(logged).toMatchObject([{ participant: '12345678', reading: { refillTokens: -1, capacity: 36_000 } }]);
  });

  it.each([
    ['no response time', answerAt(null), 'response_time_missing'],
    ['a response time of another year', answerAt(START + 366 * 1440 * MINUTE), 'response_time_implausible'],
    ['no policy', answerAt(START, []), 'no_policies'],
  ])('with %s is rejected whole, and said so', async (_, answer, reason) => {
    const poller = await polled(answer);
    expect(poller.log.attempts).toEqual([]);
    expect(poller.all('onRejectedAnswer')).toMatchObject([{ reason, category: 'F' }]);
    expect(poller.all('onPolled')).toEqual([]);
  });

  it('of which nothing can be believed publishes nothing', async () => {
    const poller = await polled(answerAt(START, [reading({ capacity: 0 })]));
    expect(poller.log.attempts).toEqual([]);
    expect(poller.all('onPolled')).toMatchObject([{ accepted: 0, rejected: 1 }]);
  });

  it('of 10,000 policies is published whole', async () => {
    const policies = Array.from({ length: 10_000 }, (_, i) => reading({ name: `P${i}` }));
    const poller = await polled(answerAt(START, policies));
    expect(new Set(poller.stored()).size).toBe(10_000);
  });

  it('shows no more of an endless name than its beginning', async () => {
    const poller = await polled(answerAt(START, [reading({ name: 'x'.repeat(100_000) })]));
    expect(Math.max(...poller.lines.map((line) => JSON.stringify(line).length))).toBeLessThan(2_000);
  });
});

describe('a repeated answer [POLL-4]', () => {
  const same = async () => Promise.resolve(answerAt(START));

  it('is dropped by the log, and counted', async () => {
    const poller = await start({ ask: same, deps: { pollWhenElected: true } });
    await poller.clock.advance(5 * MINUTE);
    expect(poller.stored()).toEqual(['CLAIMS_READ', 'ENTRIES_WRITE']);
    expect(poller.all('onDuplicate')).toMatchObject([{ duplicates: 2 }]);
    await poller.stop();
  });

  it('after a crash in the middle of publishing brings what was missing', async () => {
    const log = createFakeLog();
    log.outage = { storedFirst: 1 };
    const crashed = await start({ log, ask: same, deps: { pollWhenElected: true } });
    await crashed.stop();
    expect(crashed.stored()).toEqual(['CLAIMS_READ']);
    log.outage = null;
    const restarted = await start({ log, ask: same, deps: { pollWhenElected: true } });
    await restarted.stop();
    expect(restarted.stored()).toEqual(['CLAIMS_READ', 'ENTRIES_WRITE']);
    expect(restarted.all('onDuplicate')).toMatchObject([{ duplicates: 1 }]);
    expect(restarted.all('onSteppedBack')).toEqual([]);
  });

  it('is stored though DICT stepped back and the log does not tell what it holds [POLL-4]', async () => {
    const first = await start({ deps: { pollWhenElected: true } });
    await first.stop();
    first.log.forgetful = true;
    for (const minutes of [1, 90, 60 * 20]) {
      const before = first.stored().length;
      const next = await start({
        log: first.log,
        deps: { pollWhenElected: true },
        ask: async () => Promise.resolve(answerAt(START - minutes * MINUTE)),
      });
      await vi.waitFor(() => expect(next.all('onPublished')).toHaveLength(1));
      // Those of a partition that took them at once are there twice: consumers know them by their identity.
      expect(new Set(next.stored().slice(before))).toEqual(new Set(['CLAIMS_READ', 'ENTRIES_WRITE']));
      expect(next.all('onPublished')[0]?.stored).toBe(2);
      expect(next.all('onSteppedBack').length).toBeGreaterThan(0);
      await next.stop();
    }
  });

  it('is told from a clock of DICT that stepped back, whose observations are all stored', async () => {
    const times = [START, START - 3 * MINUTE, START + 2 * MINUTE];
    const poller = await start({
      deps: { pollWhenElected: true },
      ask: async (_call, attempt) => Promise.resolve(answerAt(times[attempt - 1] ?? START)),
    });
    await poller.clock.advance(10 * MINUTE);
    expect(poller.stored()).toHaveLength(6);
    expect(poller.all('onSteppedBack')).toMatchObject([
      { responseTime: START - 3 * MINUTE, lastSequenceId: START * ROOM + 1 },
    ]);
    const ids = poller.log.partitions.stored.map((message) => message.sequenceId);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    await poller.stop();
  });
});

describe('producerName', () => {
  it('is one per participant', async () => {
    const poller = await start();
    await settle();
    expect(poller.log.elections).toEqual([producerName('12345678')]);
    await poller.stop();
  });
});
