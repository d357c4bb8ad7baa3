import { describe, expect, it } from 'vitest';
import { LogError, MessageRefusedError, ProducerBusyError, ProducerFencedError } from '../../src/log/eventLog.ts';
import { BridgeError } from '../../src/poll/bridgeError.ts';
import type { BridgeStatus } from '../../src/poll/bridgeError.ts';
import { createFakeLog } from './fakeLog.ts';
import { answerAt } from '../support/answers.ts';
import { MINUTE, START, never, start } from './harness.ts';
import type { HarnessOptions } from './harness.ts';
import { manualClock } from './manualClock.ts';

const NAME = 'poller-12345678';
const AT_ONCE = { pollWhenElected: true } as const;

describe('an election [POLL-1]', () => {
  it('lets one poll and the other stand by, without a call', async () => {
    const [log, clock] = [createFakeLog(), manualClock(START)];
    const [leader, standby] = [await start({ log, clock }), await start({ log, clock })];
    await clock.advance(10 * MINUTE);
    expect([leader.calls.length, standby.calls.length]).toEqual([2, 0]);
    expect(standby.all('onElected')).toEqual([]);
    await leader.stop();
    await clock.advance(5 * MINUTE);
    expect(standby.calls).toHaveLength(1);
    expect(log.partitions.stored).toHaveLength(6);
    await standby.stop();
  });

  it('is lost by a fenced poller, which stands by and is elected again', async () => {
    const [log, clock] = [createFakeLog(), manualClock(START)];
    const zombie = await start({ log, clock });
    const heir = await start({ log, clock });
    await clock.advance(5 * MINUTE);
    log.fence(NAME);
    await clock.advance(5 * MINUTE);
    expect(zombie.all('onFenced')).toHaveLength(1);
    expect(zombie.all('onPollFailed')).toEqual([]);
    expect([zombie.calls.length, heir.calls.length]).toEqual([2, 1]);
    await clock.advance(5 * MINUTE);
    expect([zombie.calls.length, heir.calls.length]).toEqual([2, 2]);
    await heir.stop();
    await clock.advance(5 * MINUTE);
    expect(zombie.all('onElected')).toHaveLength(2);
    expect(zombie.all('onPublished')).toHaveLength(2);
    await zombie.stop();
  });

  it('forgets what it published: another poller may have gone further meanwhile', async () => {
    const [log, clock] = [createFakeLog(), manualClock(START)];
    const ask = async () => Promise.resolve(answerAt(START));
    const zombie = await start({ log, clock, ask, deps: AT_ONCE });
    log.fence(NAME);
    const heir = await start({
      log,
      clock,
      deps: AT_ONCE,
      ask: async () => Promise.resolve(answerAt(START + 7)),
    });
    await clock.advance(5 * MINUTE);
    await heir.stop();
    await clock.advance(MINUTE);
    expect(zombie.all('onSteppedBack')).toMatchObject([{ responseTime: START }]);
    await zombie.stop();
  });

  it('that is lost again and again drains no more list calls than DICT refills', async () => {
    const log = createFakeLog();
    const poller = await start({
      log,
      deps: AT_ONCE,
      ask: async (_call, _attempt, now) => {
        log.fence(NAME);
        return Promise.resolve(answerAt(now));
      },
    });
    await poller.clock.advance(4 * MINUTE);
    expect(poller.all('onFenced').length).toBeGreaterThan(20);
    expect(poller.calls.length).toBeLessThanOrEqual(1 + 4 * 6);
    await poller.stop();
  });

  it('waits for a log that is not there yet', async () => {
    const log = createFakeLog();
    log.outage = { storedFirst: 0 };
    const poller = await start({ log, deps: AT_ONCE });
    await poller.clock.advance(MINUTE);
    expect(poller.all('onLogUnavailable').map((event) => event.waitMs / 1000)).toEqual([1, 2, 4, 8, 16, 20, 20]);
    log.outage = null;
    await poller.clock.advance(20_000);
    expect(poller.all('onPublished')).toHaveLength(1);
    await poller.stop();
  });

  it.each([new ProducerBusyError('busy'), new ProducerFencedError('fenced')])(
    'that the log breaks off with $name is stood for again',
    async (loss) => {
      const log = createFakeLog();
      let lost = 0;
      const producer: typeof log.producer = async (topic, options) => {
        if (lost++ === 0) throw loss;
        return log.producer(topic, options);
      };
      const poller = await start({ log, deps: { ...AT_ONCE, log: { system: log.system, producer } } });
      await poller.clock.advance(10_000);
      expect(poller.all('onPublished')).toHaveLength(1);
      await poller.stop();
    },
  );

  it('fails for good when the log refuses the producer', async () => {
    const refusing = { ...createFakeLog(), producer: async () => Promise.reject(new LogError('no such topic')) };
    const poller = await start({ deps: { log: refusing } });
    await expect(poller.running).rejects.toThrow('no such topic');
  });
});

describe('an outage of the log [POLL-5]', () => {
  it('is waited for, up to 20 seconds at a time, with the same bytes under the same ids', async () => {
    const log = createFakeLog();
    log.outage = { storedFirst: 1 };
    const poller = await start({ log, deps: AT_ONCE });
    await poller.clock.advance(4 * MINUTE);
    expect(
      poller
        .all('onLogUnavailable')
        .map((event) => event.waitMs / 1000)
        .slice(0, 7),
    ).toEqual([1, 2, 4, 8, 16, 20, 20]);
    log.outage = null;
    await poller.clock.advance(20_000);
    await poller.stop();
    const [first, ...others] = log.attempts;
    expect(others.length).toBeGreaterThan(10);
    for (const attempt of others) expect(attempt).toEqual(first);
  });

  it('makes no more calls to the Bridge, loses nothing and publishes once', async () => {
    const log = createFakeLog();
    const poller = await start({ log });
    log.outage = { storedFirst: 1 };
    await poller.clock.advance(30 * MINUTE);
    expect(poller.calls).toHaveLength(1);
    log.outage = null;
    await poller.clock.advance(20_000);
    expect(poller.stored()).toEqual(['CLAIMS_READ', 'ENTRIES_WRITE']);
    expect(poller.all('onPublished')).toMatchObject([{ stored: 1 }]);
    expect(new Set(log.attempts.map((sent) => JSON.stringify(sent))).size).toBe(1);
    await poller.clock.advance(5 * MINUTE);
    expect(poller.all('onPublished')).toHaveLength(2);
    await poller.stop();
  });

  it('that ends in being fenced says which observations may be missing', async () => {
    const log = createFakeLog();
    const poller = await start({ log });
    log.outage = { storedFirst: 0 };
    await poller.clock.advance(5 * MINUTE);
    log.fence(NAME);
    await poller.clock.advance(1_000);
    expect(poller.all('onAbandoned')).toMatchObject([{ observations: 2 }]);
    expect(poller.all('onFenced')).toHaveLength(1);
    log.outage = null;
    await poller.stop();
  });

  it('is no excuse for a message that the log refuses: the poll fails, the schedule goes on', async () => {
    const log = createFakeLog();
    const poller = await start({ log, deps: AT_ONCE });
    log.refusal = new MessageRefusedError('message too large');
    await poller.clock.advance(5 * MINUTE);
    log.refusal = null;
    await poller.clock.advance(5 * MINUTE);
    expect(poller.all('onPollFailed')).toMatchObject([{ status: 'ERROR' }]);
    expect(poller.all('onPublished')).toHaveLength(2);
    await poller.stop();
  });
});

describe('a log that takes nothing more', () => {
  it.each([
    ['says that its topic was terminated', new LogError('the topic was terminated by an administrator')],
    ['no longer lets the role in', new LogError('the role is not allowed to')],
    ['has a schema that does not fit', new LogError('the topic has a schema that is not compatible')],
    ['has lost its topic', new LogError('the topic does not exist')],
  ])('because it %s ends the poller with that: polled on, nobody would know [PUL-2, POLL-5]', async (_, refusal) => {
    const log = createFakeLog();
    const poller = await start({ log, deps: AT_ONCE });
    log.refusal = refusal;
    await poller.clock.advance(5 * MINUTE);
    await expect(poller.running).rejects.toBe(refusal);
    expect(poller.calls.length).toBeLessThanOrEqual(2);
  });
});

describe('stopping', () => {
  const failing = (code: BridgeStatus): HarnessOptions => ({
    ask: async () => Promise.reject(new BridgeError(code, '')),
    deps: AT_ONCE,
  });
  const WAITS: [string, () => HarnessOptions][] = [
    ['for a tick', () => ({})],
    ['for the Bridge', () => ({ ask: async (call) => never(call.signal), deps: AT_ONCE })],
    ['between attempts', () => failing('UNAVAILABLE')],
    ['for a refill', () => failing('RESOURCE_EXHAUSTED')],
    ['for a log that is not there', () => ({ log: Object.assign(createFakeLog(), { unreachable: true }) })],
  ];

  it.each(WAITS)('ends a wait %s at once', async (_, options) => {
    const poller = await start(options());
    await poller.stop();
    expect(poller.clock.sleeping()).toEqual([]);
    expect(poller.all('onPollFailed')).toEqual([]);
    expect(poller.log.closed).toBe(poller.log.elections.length);
  });

  it('ends standing by at once', async () => {
    const log = createFakeLog();
    const [leader, standby] = [await start({ log }), await start({ log })];
    await standby.stop();
    await leader.stop();
    expect(log.closed).toBe(1);
  });

  it('ends a wait for the log at once, and says what nobody has seen', async () => {
    const log = createFakeLog();
    const poller = await start({ log });
    log.outage = { storedFirst: 0 };
    await poller.clock.advance(5 * MINUTE);
    await poller.stop();
    expect(poller.clock.sleeping()).toEqual([]);
    expect(poller.all('onAbandoned')).toMatchObject([{ observations: 2 }]);
    expect(log.closed).toBe(1);
  });

  it('lets a send under way finish', async () => {
    const log = createFakeLog();
    const clock = manualClock(START);
    const unstoppable = new AbortController().signal;
    const slow: typeof log = {
      ...log,
      producer: async (topic, options) => {
        const producer = await log.producer(topic, options);
        return {
          topic,
          lastSequenceId: -1,
          close: async () => producer.close(),
          send: async (messages) => {
            await clock.sleep(1_000, unstoppable);
            return producer.send(messages);
          },
        };
      },
    };
    const poller = await start({ log: slow, clock, deps: AT_ONCE });
    const stopping = poller.stop();
    await clock.advance(1_000);
    await stopping;
    expect(poller.all('onPublished')).toMatchObject([{ stored: 2 }]);
  });
});

describe('an observer that throws', () => {
  it('is logged and does not disturb the poll', async () => {
    const onPolled = (): never => {
      throw new Error('a defect in the metrics');
    };
    const poller = await start({ deps: { ...AT_ONCE, events: { onPolled } } });
    expect(poller.stored()).toHaveLength(2);
    expect(poller.lines.filter((line) => line['observer'] === 'onPolled')).toHaveLength(1);
    await poller.stop();
  });
});
