/** What runs beside the work and asks a database or a broker that gives no answer. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { markIfAny, OwnershipWatch } from '../../src/app/ownership.ts';
import { Offices } from '../../src/app/offices.ts';
import { bePresent } from '../../src/app/presence.ts';
import { runPoller } from '../../src/poll/poller.ts';
import type { Database } from '../../src/store/database.ts';
import { baldeDatabase } from '../support/database.ts';
import { noReads } from '../support/bridges.ts';

const { database, log } = await baldeDatabase();
const silence = async (): Promise<never> => new Promise(() => undefined);
const settings = { tenant: 'public', namespace: 'balde' } as never;
const mark = {
  ...{ mark: randomUUID(), installation: randomUUID(), place: 'here', description: 'a database', at: 0 },
};
const watch = (on: Pick<EventLog, 'ends'>): OwnershipWatch =>
  new OwnershipWatch({ database, log: on as EventLog, settings, description: '' }, mark);

describe('[LOG-7] a stop waits for nobody who gives no answer', () => {
  const waiting: Record<string, (signal: AbortSignal, asked: () => void) => Promise<void>> = {
    'a process among the others, for the database': async (signal, asked) => {
      const config = { rules: DEFAULT_RULES, forecasts: null, staleAfterMs: 60_000 };
      // The connection stands, and nothing comes.
      const execute = async (): Promise<never> => {
        asked();
        return await silence();
      };
      const given: Database = { ...database, query: execute, execute };
      await bePresent(
        { database: given, config, roles: [], offices: new Offices(), onDifferent: () => undefined },
        signal,
      );
    },
    'the watch over the namespace, for the broker': async (signal, asked) => {
      const ends = async (): Promise<never> => {
        asked();
        return await silence();
      };
      await watch({ ends }).run(signal, 10);
    },
  };
  test.each(Object.entries(waiting))('%s', async (_, run) => {
    const stop = new AbortController();
    await run(stop.signal, () => stop.abort(new Error('stopped')));
    expect(stop.signal.aborted).toBe(true);
  });
});

test('[PUL-20] a broker that does not say in time whose the namespace is counts as away', async () => {
  const late = AbortSignal.abort(new DOMException('too late', 'TimeoutError'));
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(late);
  const held = {
    ends: async () => Promise.resolve([{ partition: 0, last: '1' }]),
    consumer: async () =>
      Promise.resolve({
        seek: async () => Promise.resolve(),
        receive: async ({ signal }: { signal: AbortSignal }) => Promise.reject(signal.reason as Error),
        close: async () => Promise.resolve(),
      }),
  } as unknown as EventLog;
  await expect(markIfAny(held)).rejects.toBeInstanceOf(LogUnavailableError);
});

test('[RETIRE-2] a database that gives no answer holds up no poll', async () => {
  const stop = new AbortController();
  let asked = 0;
  const listPolicies = async () => {
    asked += 1;
    if (asked === 2) stop.abort(new Error('stopped'));
    const reading = { name: 'A', availableTokens: 1, capacity: 9, refillTokens: 1, refillPeriodSec: 60 };
    return Promise.resolve({ responseTime: Date.now(), category: 'A', policies: [reading] });
  };
  await runPoller(
    {
      ...{ participant: '12345678', topic: POLICY_STATES, schedule: { kind: 'every', ms: 50 } },
      ...{ pollWhenElected: true, retireAfterLists: 3, knownPolicies: silence, bridge: { ...noReads, listPolicies } },
      ...{ log, clock: systemClock, logger: pino({ level: 'silent' }) },
    },
    stop.signal,
  );
  expect(asked).toBe(2);
});
