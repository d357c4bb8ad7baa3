/** The systems of `balde start --simulate` report its traffic; judged by the buckets' own totals. */
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { consumers } from '../../src/analysis/consumers.ts';
import { beginningAfter, LiveReports } from '../../src/demo/liveReports.ts';
import { manualClock } from '../../src/simulator/clocks.ts';
import { CALLING_SYSTEMS } from '../../src/simulator/outcomes.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';
import { live } from '../support/rebuilds.ts';
import { callBridge } from '../simulator/client.ts';

it('[CALLIN-6] the simulated systems report all that its buckets were charged, as soon as somebody polls it, until the end', async () => {
  const { database, log } = await baldeDatabase();
  const clock = manualClock(NOON + 3_210);
  const reports = new LiveReports({ participant: PARTICIPANT, clock });
  const simulator = await startSimulator({
    ...{ scenario: 'lively', clock, startAt: beginningAfter(clock.now()) },
    onAnswered: (participant, answered) => reports.take(participant, answered),
  });
  const bridge = callBridge(simulator.address);
  const publishing = { log, simulator, logger: pino({ level: 'silent' }) };
  const stop = new AbortController();
  const running = reports.run(publishing, stop.signal);
  try {
    const tick = async (at: number): Promise<void> => {
      await eventually('the reports wait for the clock', async () => Promise.resolve(clock.sleeping === 1));
      clock.set(at);
    };
    await bridge.list(PARTICIPANT);
    await tick(NOON + MINUTE);
    await live(database, log, 'outcomes');
    expect((await consumers(database, { since: NOON, until: NOON + MINUTE })).buckets, 'nobody polls').toEqual([]);
    reports.polled();
    for (let at = NOON + MINUTE + 10_000; at <= NOON + 12 * MINUTE; at += 10_000) {
      await tick(at);
      await bridge.list(PARTICIPANT);
    }
    clock.set(NOON + 12 * MINUTE + 4_000);
    await bridge.list('00000000');
    stop.abort();
    await running;
    await reports.finish(publishing);

    await live(database, log, 'outcomes');
    const { buckets } = await consumers(database, { since: NOON, until: NOON + 60 * MINUTE });
    const reported = new Map(
      buckets.map((one) => [one.endpoint_id, one.shares.reduce((sum, { tokens }) => sum + tokens, 0)]),
    );
    for (const { policy, consumed } of simulator.buckets(PARTICIPANT).values())
      expect([policy, reported.get(policy) ?? 0]).toEqual([policy, consumed]);
    expect([...reported.values()].filter((tokens) => tokens > 0).length).toBeGreaterThan(20);
    const shares = buckets.flatMap((bucket) => bucket.shares);
    for (const { source } of CALLING_SYSTEMS) expect(shares.map((share) => share.source)).toContain(source);
    const antiscan = buckets.find(({ endpoint_id }) => endpoint_id === 'ENTRIES_READ_PARTICIPANT_ANTISCAN');
    expect(antiscan?.shares.reduce((sum, share) => sum + share.not_found, 0)).toBeGreaterThan(0);
  } finally {
    stop.abort();
    bridge.close();
    await simulator.close();
  }
}, 120_000);
