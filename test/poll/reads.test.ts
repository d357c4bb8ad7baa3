import { describe, expect, test } from 'vitest';
import { READ_POLICY } from '../../src/domain/catalog.ts';
import type { PoliciesAnswer, PolicyReading } from '../../src/domain/validation.ts';
import { BridgeError } from '../../src/poll/bridgeError.ts';
import { answerAt, reading } from '../support/answers.ts';
import { MINUTE, start, START } from './harness.ts';
import { manualClock } from './manualClock.ts';

const LOW = reading({ name: 'EVENT_LIST', availableTokens: 80, capacity: 200, refillTokens: 40 });
const LIST: readonly PolicyReading[] = [
  LOW,
  reading({ name: 'KEYS_CHECK', availableTokens: 70, capacity: 70, refillTokens: 70 }),
  reading({ name: READ_POLICY, availableTokens: 200, capacity: 200, refillTokens: 60 }),
];

async function adaptive(answer: (policy: string, at: number) => PoliciesAnswer) {
  const clock = manualClock(START);
  const reads: string[] = [];
  const poller = await start({
    clock,
    ask: async (_call, _attempt, now) => Promise.resolve(answerAt(now, LIST)),
    deps: {
      schedule: { kind: 'adaptive', reservePercent: 25 },
      pollWhenElected: true,
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
