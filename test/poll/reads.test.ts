import { describe, expect, test } from 'vitest';
import { READ_POLICY } from '../../src/domain/catalog.ts';
import type { PoliciesAnswer, PolicyReading } from '../../src/domain/validation.ts';
import { BridgeError } from '../../src/poll/bridgeError.ts';
import type { PollerDeps } from '../../src/poll/poller.ts';
import { answerAt, reading } from '../support/answers.ts';
import { MINUTE, start, START } from './harness.ts';
import { manualClock } from './manualClock.ts';

const LOW = reading({ name: 'EVENT_LIST', availableTokens: 80, capacity: 200, refillTokens: 40 });
const LIST: readonly PolicyReading[] = [
  LOW,
  reading({ name: 'KEYS_CHECK', availableTokens: 70, capacity: 70, refillTokens: 70 }),
  reading({ name: READ_POLICY, availableTokens: 200, capacity: 200, refillTokens: 60 }),
];

async function adaptive(
  answer: (policy: string, at: number) => PoliciesAnswer,
  recentReadings?: PollerDeps['recentReadings'],
) {
  const clock = manualClock(START);
  const reads: string[] = [];
  const poller = await start({
    clock,
    ask: async (_call, _attempt, now) => Promise.resolve(answerAt(now, LIST)),
    deps: {
      schedule: { kind: 'adaptive', reservePercent: 25 },
      pollWhenElected: true,
      ...(recentReadings === undefined ? {} : { recentReadings }),
      bridge: {
        listPolicies: async () => {
          reads.push('list');
          return Promise.resolve(answerAt(clock.now(), LIST));
        },
        readPolicy: async (policy) => {
          reads.push(policy);
          return Promise.resolve(answer(policy, clock.now()));
        },
      },
    },
  });
  return { poller, reads, clock };
}

const one = (policy: string, at: number): PoliciesAnswer =>
  answerAt(
    at,
    LIST.filter(({ name }) => name === policy),
  );

describe('[POLL-10] a single policy between lists', () => {
  test('takes the way of a list: checked, numbered, published, told of', async () => {
    const { poller, reads, clock } = await adaptive(one);
    await clock.advance(MINUTE);
    expect(new Set(reads)).toEqual(new Set(['list', 'EVENT_LIST', 'KEYS_CHECK']));
    expect(reads.filter((name) => name === 'EVENT_LIST').length).toBeGreaterThanOrEqual(4);
    const lists = reads.filter((name) => name === 'list').length;
    expect(poller.stored()).toHaveLength(lists * LIST.length + reads.length - lists);
    const ids = poller.log.partitions.stored.map(({ sequenceId }) => sequenceId);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(poller.all('onPolled').filter(({ policy }) => policy === 'EVENT_LIST')).not.toEqual([]);
    expect(poller.all('onSteppedBack')).toEqual([]);
    await poller.stop();
  });

  test('of which the answer tells of another is rejected', async () => {
    const { poller, reads, clock } = await adaptive((_policy, at) => one(READ_POLICY, at));
    await clock.advance(20_000);
    const rejected = poller.all('onRejectedAnswer');
    expect(rejected[0]?.detail).toMatch(/asked for \w+, the answer tells of POLICIES_READ/);
    // What can't be believed is not asked for again at once.
    expect(rejected).toHaveLength(1);
    expect(reads.filter((name) => name !== 'list')).toHaveLength(1);
    await poller.stop();
  });

  test('that can not be believed is not asked for again at once', async () => {
    const { poller, reads, clock } = await adaptive((policy, at) =>
      answerAt(at, [reading({ name: policy, capacity: 0 })]),
    );
    await clock.advance(20_000);
    expect(poller.all('onRejectedPolicy')).toHaveLength(1);
    expect(reads.filter((name) => name !== 'list')).toHaveLength(1);
    await poller.stop();
  });

  test('is tried once, then left to lists for a while', async () => {
    const { poller, reads, clock } = await adaptive(() => {
      throw new BridgeError('UNIMPLEMENTED', 'no');
    });
    await clock.advance(2 * MINUTE);
    expect(reads.filter((name) => name !== 'list')).toHaveLength(1);
    expect(reads.filter((name) => name === 'list').length).toBeGreaterThan(8);
    await poller.stop();
  });
});

describe('[POLL-11] what was observed before', () => {
  const RECENT = { ...LOW, policy: 'EVENT_LIST', observedAt: START - 20_000, responseTime: START - 20_000 };
  const recent = async () => Promise.resolve([{ ...RECENT, refillPeriodSec: 60, pollId: 'before' }]);

  test('is asked for once, of the last half hour, and no call is made before the first list', async () => {
    const asked: number[] = [];
    const { poller, reads, clock } = await adaptive(one, async (since) => {
      asked.push(since);
      return await recent();
    });
    await clock.advance(MINUTE);
    expect(asked).toEqual([START - 30 * MINUTE]);
    expect(reads[0]).toBe('list');
    await poller.stop();
  });

  test('is done without where the database does not tell', async () => {
    const { poller, reads, clock } = await adaptive(one, async () => Promise.reject(new Error('away')));
    await clock.advance(MINUTE);
    expect(reads.filter((name) => name === 'list').length).toBeGreaterThan(1);
    expect(poller.lines.filter(({ msg }) => String(msg).includes('was observed lately'))).toHaveLength(1);
    await poller.stop();
  });
});
