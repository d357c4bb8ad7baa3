import { describe, expect, test } from 'vitest';
import { MessageRefusedError } from '../../src/log/eventLog.ts';
import { BridgeError } from '../../src/poll/bridgeError.ts';
import { answerAt, reading } from '../support/answers.ts';
import { createFakeLog } from './fakeLog.ts';
import { MINUTE, START, start } from './harness.ts';
import type { Harness, HarnessOptions } from './harness.ts';
import { manualClock } from './manualClock.ts';

const ends = (poller: Harness): string[] => poller.all('onEnded').map(({ reason, result }) => `${reason} ${result}`);

async function afterFirst(options: HarnessOptions): Promise<string[]> {
  const poller = await start({ ...options, deps: { pollWhenElected: true, ...options.deps } });
  await poller.clock.advance(MINUTE);
  await poller.stop();
  return ends(poller).slice(0, 1);
}

describe('[MET-4] how a poll ended', () => {
  test('ok: its observations are in the log', async () => {
    expect(await afterFirst({})).toEqual(['elected ok']);
  });

  test('rejected: the answer, or every policy of it, can’t be believed', async () => {
    expect(await afterFirst({ ask: async () => Promise.resolve(answerAt(null)) })).toEqual(['elected rejected']);
    const bad = [reading({ capacity: 0 })];
    expect(await afterFirst({ ask: async (_call, _n, now) => Promise.resolve(answerAt(now, bad)) })).toEqual([
      'elected rejected',
    ]);
  });

  test('failed: no answer, or a log that refuses it', async () => {
    const refused = async () => Promise.reject(new BridgeError('PERMISSION_DENIED', 'no'));
    expect(await afterFirst({ ask: refused })).toEqual(['elected failed']);
    const log = createFakeLog();
    log.refusal = new MessageRefusedError('too large');
    expect(await afterFirst({ log })).toEqual(['elected failed']);
  });
});

describe('[MET-4] why a poll was made', () => {
  test.each([
    [{ kind: 'cron', expression: '*/5 * * * *' }, 'schedule'],
    [{ kind: 'every', ms: 5 * MINUTE }, 'schedule'],
    [{ kind: 'adaptive', reservePercent: 25 }, 'calm'],
  ] as const)('%o', async (schedule, reason) => {
    // A real clock tells whole milliseconds.
    const clock = manualClock(START);
    const whole = { ...clock, now: () => Math.ceil(clock.now()) };
    const ask = async () => Promise.resolve(answerAt(whole.now(), [reading()]));
    const poller = await start({ ask, clock, deps: { clock: whole, schedule, pollWhenElected: true } });
    await poller.clock.advance(6 * MINUTE);
    await poller.stop();
    expect(ends(poller).slice(0, 2)).toEqual(['elected ok', `${reason} ok`]);
  });
});

test('[MET-4] what is left of POLICIES_LIST and POLICIES_READ is told with each answer that has them', async () => {
  const own = (name: string, availableTokens: number) => reading({ name, availableTokens, capacity: 20 });
  const policies = [reading(), own('POLICIES_LIST', 17), own('POLICIES_READ', -3)];
  const poller = await start({
    ask: async (_call, _n, now) => Promise.resolve(answerAt(now, policies)),
    deps: { pollWhenElected: true },
  });
  await poller.stop();
  expect(poller.all('onBudget')).toMatchObject([
    { participant: '12345678', policy: 'POLICIES_LIST', tokens: 17, capacity: 20 },
    { participant: '12345678', policy: 'POLICIES_READ', tokens: -3, capacity: 20 },
  ]);
});
