/** Kills while polling adapts: lists and reads of single policies, in real time. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { ATTENTION_RULES } from '../../src/poll/attention.ts';
import { emptyDatabase } from '../support/database.ts';
import { eventually, LONG_MS } from '../support/eventually.ts';
import { ALL_ROLES, startWorld } from './world.ts';
import type { World } from './world.ts';

const KILLS = 6;
/** What DICT documents of the two policies that looks spend. Tokens. */
const CAPACITY = { POLICIES_LIST: 20, POLICIES_READ: 200 } as const;
const OWN = Object.keys(CAPACITY) as (keyof typeof CAPACITY)[];

let world: World;
const refused: string[] = [];
const lowest = { POLICIES_LIST: Infinity, POLICIES_READ: Infinity };

beforeAll(async () => {
  const { url } = await emptyDatabase();
  const onCall = (line: string): void => {
    if (line.endsWith('RESOURCE_EXHAUSTED')) refused.push(line);
    for (const policy of OWN) lowest[policy] = Math.min(lowest[policy], world.tokensOf(policy));
  };
  world = await startWorld(url, 5, undefined, { clock: systemClock, scenario: 'lively', onCall });
});

afterAll(async () => await world.stop());

const polls = (which: 'lists' | 'reads'): number =>
  world.workers
    .flatMap(({ lines }) => lines)
    .filter(({ msg, policy }) => msg === 'poll ended' && (policy === null) === (which === 'lists')).length;

/** Who polls now; the others stand by. */
const poller = () =>
  world.workers.find((worker) => worker.isRunning() && worker.lines.some(({ msg }) => msg === 'elected: polling'));

it(
  'whoever polls is killed in the middle of it: nothing is lost or doubled, no call refused, the reserve left alone [POLL-9, POLL-10, FOLD-1, OUT-2]',
  { timeout: 1_200_000 },
  async ({ annotate }) => {
    const start = (): unknown => world.start(ALL_ROLES, { POLL_INTERVAL: '' });
    start();
    for (let kill = 0; kill < KILLS; kill += 1) {
      start();
      const before = { lists: polls('lists'), reads: polls('reads') };
      await eventually(
        'the one that polls has made a list and some reads',
        async () => Promise.resolve(polls('lists') > before.lists && polls('reads') > before.reads + 2),
        LONG_MS,
      );
      const killed = poller();
      killed?.signal('SIGKILL');
      await killed?.exited;
    }
    const [lists, reads] = [polls('lists'), polls('reads')];
    for (const worker of world.workers) worker.signal('SIGTERM');
    await Promise.all(world.workers.map(async ({ exited }) => await exited));
    const { observations, alerts } = await world.settle();
    await annotate(
      `${KILLS} kills: ${lists} lists, ${reads} reads, 0 lost and 0 doubled of ${observations} observations and ${alerts} alerts; at the lowest ${lowest.POLICIES_LIST} and ${lowest.POLICIES_READ} tokens left`,
    );
    expect(alerts).toBeGreaterThan(0);
    expect(refused).toEqual([]);
    for (const policy of OWN)
      expect(lowest[policy]).toBeGreaterThanOrEqual((CAPACITY[policy] * ATTENTION_RULES.reservePercent) / 100);
    // Each take-over begins with a list of its own, and no more.
    const lines = world.workers.flatMap((worker) => worker.lines);
    const elections = lines.filter(({ msg }) => msg === 'elected: polling').length;
    expect(elections).toBeGreaterThanOrEqual(KILLS);
    const first = lines.filter(({ msg, reason }) => msg === 'poll ended' && reason === 'elected').length;
    expect(first).toBeLessThanOrEqual(elections);
  },
);
