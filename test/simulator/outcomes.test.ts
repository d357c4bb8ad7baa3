import { describe, expect, it } from 'vitest';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { invalidOutcomes } from '../../src/domain/outcomes.ts';
import { DAY_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { demandOf } from '../../src/simulator/demand.ts';
import type { DemandRow } from '../../src/simulator/demand.ts';
import { CALLING_SYSTEMS, SimulatedReports } from '../../src/simulator/outcomes.ts';
import type { OutcomesOptions } from '../../src/simulator/outcomes.ts';
import { POLICIES } from '../../src/simulator/policies.ts';
import { World } from '../../src/simulator/world.ts';
import type { Answered, SecondTruth } from '../../src/simulator/world.ts';

const START = Date.UTC(2026, 0, 5, 12);
const ANTISCAN = 'ENTRIES_READ_PARTICIPANT_ANTISCAN';
const PARTICIPANT = '99999004';
const LENGTH_MS = 30 * MINUTE_MS;

/** What buckets live through, with a look at them at the end of each part. */
function livedThrough(parts: Iterable<readonly DemandRow[]>) {
  const truth: SecondTruth[] = [];
  const answered: Answered[] = [];
  const world = new World({
    ...{ seed: 3, startAt: START, refill: 'lump', category: 'G' },
    onSecond: (second) => truth.push(second),
    onAnswered: (one) => answered.push(one),
  });
  let looks = 0;
  for (const rows of parts) {
    for (const row of rows) world.take(row);
    world.list((rows.at(-1)?.second ?? 0) * 1000 + 500);
    looks += 1;
  }
  return { truth, answered, looks };
}

function reportedOf(answered: readonly Answered[], options: Partial<OutcomesOptions> = {}) {
  const reports = new SimulatedReports({ participant: PARTICIPANT, seed: 3, ...options });
  for (const one of answered) reports.take(one);
  return reports.until(START + LENGTH_MS);
}

const lived = livedThrough(demandOf({ seed: 3, startAt: START, days: LENGTH_MS / DAY_MS, category: 'G' }));
const reported = reportedOf(lived.answered);

const sum = <T>(of: readonly T[], count: (one: T) => number): number =>
  of.reduce((total, one) => total + count(one), 0);
const ofPolicy = <T extends { readonly policy: string }>(all: readonly T[], name: string): T[] =>
  all.filter(({ policy }) => policy === name);
const ofSource = (name: string): RequestOutcomesObserved[] => reported.filter(({ source }) => source === name);

describe('simulated systems that report', () => {
  it('[CALLIN-1] count what the buckets were charged and credited, by the counting rules', () => {
    for (const { name, cost } of POLICIES.filter(({ scope }) => scope === 'PSP')) {
      const rows = ofPolicy(reported, name).filter(({ source }) => source !== 'balde');
      const charged = sum(rows, ({ status200, status404 }) => status200 * cost.ok + status404 * cost.notFound);
      expect([name, charged]).toEqual([name, sum(ofPolicy(lived.truth, name), (one) => one.charged)]);
    }
    const antiscan = ofPolicy(reported, ANTISCAN);
    expect(sum(antiscan, ({ status404 }) => status404)).toBeGreaterThan(0);
    expect(sum(antiscan, ({ paymentOrders }) => paymentOrders ?? 0)).toBe(sum(lived.answered, ({ credit }) => credit));
    const looks = ofSource('balde');
    expect(sum(looks, ({ status200, status429 }) => status200 + status429)).toBe(lived.looks);
  });

  it('[CALLIN-1] count what was refused as such: a 404 is admitted as a whole, and leaves a debt', () => {
    const second = START / 1000;
    // 250 tokens: 247 find a key, the first 404 takes the last three, another is refused.
    const { truth, answered } = livedThrough([
      [{ second, policy: ANTISCAN, charge: 248 + 3 + 3, notFound: 2, credit: 0 }],
    ]);
    expect(truth).toMatchObject([{ charged: 251, refused: 3 }]);
    const rows = ofPolicy(reportedOf(answered), ANTISCAN);
    const counts = (['status200', 'status404', 'status429'] as const).map((name) => sum(rows, (row) => row[name]));
    expect(counts).toEqual([248, 1, 1]);
  });

  it('[CALLIN-1] take their shares, and do each operation as often as stated', () => {
    const of = (rows: readonly RequestOutcomesObserved[]): number => sum(rows, (one) => one.status200);
    const shares = CALLING_SYSTEMS.map(({ source }) => Math.round((of(ofSource(source)) / of(reported)) * 100));
    CALLING_SYSTEMS.forEach(({ share }, i) => expect(Math.abs((shares[i] ?? 0) - share)).toBeLessThan(3));
    const claims = ofPolicy(reported, 'CLAIMS_WRITE');
    expect(of(claims.filter(({ operation }) => operation === 'createClaim')) / of(claims)).toBeCloseTo(0.4, 1);
  });

  it('[CALLIN-1] report in windows that divide the minute, each of them, and are the same for a seed', () => {
    const isAligned = ({ windowStart, windowEnd, completeUpTo }: RequestOutcomesObserved): boolean =>
      windowStart % 10_000 === 0 &&
      windowEnd - windowStart === 10_000 &&
      [windowStart, windowEnd].includes(completeUpTo ?? 0);
    expect(reported.filter((one) => !isAligned(one))).toEqual([]);
    expect(reported.map((one) => invalidOutcomes(one)).filter((reason) => reason !== null)).toEqual([]);
    for (const source of [...CALLING_SYSTEMS.map((one) => one.source), 'balde']) {
      const minutes = ofSource(source).filter(({ windowEnd }) => windowEnd % MINUTE_MS === 0);
      const policy = source === 'balde' ? 'POLICIES_LIST' : 'CLAIMS_WRITE';
      const marks = minutes.filter((one) => one.policy === policy && one.completeUpTo === one.windowEnd);
      expect([source, marks.length]).toEqual([source, LENGTH_MS / MINUTE_MS]);
    }
    expect(JSON.stringify(reportedOf(lived.answered))).toBe(JSON.stringify(reported));
    const longer = reportedOf(lived.answered, { windowMs: 60_000 });
    expect(sum(longer, ({ status404 }) => status404)).toBe(sum(reported, ({ status404 }) => status404));
    expect(() => reportedOf([], { windowMs: 45_000 })).toThrow('divide the minute');
  });

  it('[CALLIN-1] keep silent where they are hidden, and nobody else does', () => {
    const hidden = reportedOf(lived.answered, { hidden: ['reconciliation-batch'] });
    const others = reported.filter(({ source }) => source !== 'reconciliation-batch');
    expect(JSON.stringify(hidden)).toBe(JSON.stringify(others));
    expect(hidden.length).toBeLessThan(reported.length);
  });
});
