/** The proof, the rates and the shares against a simulated participant's truth: bench:calls, for some hours. */
import { describe, expect, it } from 'vitest';
import { CallsJudge } from '../../bench/callsJudge.ts';
import { CallsRun } from '../../bench/callsRun.ts';
import type { CallsRunOptions } from '../../bench/callsRun.ts';
import { every } from '../../bench/watchedWorld.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { TROUBLES } from '../../src/simulator/deliveries.ts';
import { inventedTraffic } from '../../src/simulator/traffics.ts';
import type { RefillMode } from '../../src/simulator/tokenBucket.ts';
import { unexplained } from '../../src/views/outcomes.ts';
import { baldeDatabase } from '../support/database.ts';

/** 9:00 in Brasília: the load of the morning. */
const START = Date.UTC(2026, 0, 5, 12);
const HOURS = 3;
const END = START + HOURS * HOUR_MS;
const HARD = { ...TROUBLES, late: 0.1, repeated: 0.1, corrected: 0.1 };
/** Not those that the benchmark is run with by default. */
const SEEDS: Readonly<Record<RefillMode, number>> = { lump: 41, drip: 42 };

async function lived(refill: RefillMode, given: Partial<CallsRunOptions>) {
  const { database } = await baldeDatabase();
  const seed = SEEDS[refill];
  const run = new CallsRun({
    ...{ database, seed, refill, startAt: START, endAt: END, windowMs: MINUTE_MS, clocksOffMs: 900 },
    ...{ others: new Map<string, number>(), othersFrom: START, troubles: HARD },
    schedule: every(12_000),
    ...given,
  });
  const judge = new CallsJudge(database, run.truth);
  await run.begin();
  let minute = START;
  for await (const rows of inventedTraffic({ seed, startAt: START, days: HOURS / 24, participants: 1 }).traffic()) {
    run.take(minute, rows);
    minute += MINUTE_MS;
    if ((minute - START) % (20 * MINUTE_MS) !== 0) continue;
    await run.write();
    await judge.askAll(minute);
  }
  await run.finish();
  await judge.askAll(END);
  return { database, run, judge };
}

describe.each(['lump', 'drip'] as const)('[CALLS-10] hard reports of a simulated participant, %s', (refill) => {
  it('suspect nobody who is not there, and come to the very rates and shares, but for what a source that stops did not tell', async () => {
    const stop = START + 2 * HOUR_MS;
    const { database, run, judge } = await lived(refill, { troubles: { ...HARD, stops: { 'pix-api': stop } } });
    expect(judge.falseProofs).toEqual([]);
    expect(judge.asked.looked).toBeGreaterThan(50);
    expect(run.truth.untrue).toEqual([]);
    expect(await judge.rateError([END - HOUR_MS, END])).toBe(0);
    expect(await judge.shareError(START - HOUR_MS, END + HOUR_MS)).toBe(0);
    const proofs = await unexplained(database, { since: START, until: END + DAY_MS });
    const late = proofs.filter(({ waiting_for: waiting }) => waiting.includes('pix-api'));
    expect(late.length).toBeGreaterThan(20);
    for (const { checked_until: until } of late) expect(until ?? 0).toBeLessThanOrEqual(stop);
  }, 240_000);

  it('tell of others who consume, never more than they did', async () => {
    const others = new Map([
      ['ENTRIES_STATISTICS_READ', 0.5],
      ['CLAIMS_READ', 0.5],
      ['REFUNDS_WRITE', 1],
      ['EVENT_LIST', 1],
      ['ENTRIES_READ_PARTICIPANT_ANTISCAN', 1],
    ]);
    const { run, judge } = await lived(refill, { others, othersFrom: START + HOUR_MS });
    const proven = new Map<string, number>();
    for (const policy of others.keys()) proven.set(policy, await judge.proven(policy, START, END));
    expect(judge.falseProofs).toEqual([]);
    const found = [...proven].filter(([, tokens]) => tokens > 0);
    expect(found.length, JSON.stringify([...proven])).toBeGreaterThan(2);
    for (const [policy, tokens] of found) expect(tokens).toBeLessThanOrEqual(run.truth.others(policy, START, END));
  }, 240_000);
});
