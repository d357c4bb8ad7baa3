/** The real poller on lists that a test gives it. */
import pino from 'pino';
import { systemClock } from '../../src/clock.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { observedPolicies } from '../../src/views/latest.ts';
import { runPoller } from '../../src/poll/poller.ts';
import type { Database } from '../../src/store/database.ts';
import { eventually } from '../support/eventually.ts';
import { noReads } from '../support/bridges.ts';

export const PARTICIPANT = '12345678';
export const reading = (name: string, availableTokens: number) => ({
  name,
  ...{ availableTokens, capacity: 100, refillTokens: 1, refillPeriodSec: 60 },
});

/** Polls every 100 ms until these lists, the last of them again and again, have been asked `times` times. */
export async function polled(
  { database, log }: { database: Database; log: EventLog },
  lists: readonly (readonly ReturnType<typeof reading>[])[],
  times: number,
): Promise<void> {
  const stop = new AbortController();
  let asked = 0;
  let published = 0;
  const running = runPoller(
    {
      participant: PARTICIPANT,
      topic: POLICY_STATES,
      schedule: { kind: 'every', ms: 100 },
      pollWhenElected: true,
      retireAfterLists: 3,
      knownPolicies: async () => await observedPolicies(database, PARTICIPANT),
      bridge: {
        ...noReads,
        listPolicies: async () => {
          const policies = lists[Math.min(asked, lists.length - 1)] ?? [];
          asked += 1;
          return Promise.resolve({ responseTime: Date.now(), category: 'F', policies });
        },
      },
      log,
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      events: { onPublished: () => (published += 1) },
    },
    stop.signal,
  );
  await eventually(`${times} polls`, async () => Promise.resolve(published >= times));
  stop.abort(new Error('enough'));
  await running;
}
