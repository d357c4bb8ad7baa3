/** Who drained a bucket before an alert, against a bucket that is simulated. */
import { describe, expect, test } from 'vitest';
import { explainAlert } from '../../src/analysis/explain.ts';
import type { Explanation } from '../../src/analysis/explain.ts';
import { explanationJson, explanationText } from '../../src/cli/render/explanation.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import { reportCalls } from '../calls/traffic.ts';
import { begunIn, rateOf, sharesOf } from '../calls/truth.ts';
import { foldAll, publish } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON, observation } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';

const SIZE = { capacity: 1_000, refillTokens: 100, refillPeriodSec: 60 };
const BATCH_BEGINS = 20;
const END = 26;

/** Calls a second, by source and operation, from the minute in which it begins. */
const CALLERS = [
  { source: 'payments', operation: 'createClaim', perSecond: 1, begins: 0 },
  { source: 'reconciliation-batch', operation: 'getClaim', perSecond: 4, begins: BATCH_BEGINS },
  { source: 'reconciliation-batch', operation: 'listClaims', perSecond: 1, begins: BATCH_BEGINS },
] as const;

/** Looked at every ten seconds; every tenth call finds nothing, which costs as much here. */
function drained(): { readonly seen: PolicyStateObserved[]; readonly windows: RequestOutcomesObserved[] } {
  const bucket = new TokenBucket({ ...SIZE, mode: 'drip', startAt: NOON, phaseMs: 0, refusedCost: 0 });
  const seen: PolicyStateObserved[] = [];
  const windows: RequestOutcomesObserved[] = [];
  for (let second = 0; second < END * 60; second += 1) {
    const at = NOON + second * 1_000;
    const due = CALLERS.filter(({ begins }) => second >= begins * 60);
    for (const { perSecond } of due) bucket.requestMany(at, perSecond, 1);
    if (second % 10 === 9)
      seen.push(observation({ ...SIZE, availableTokens: bucket.tokensAt(at + 500), responseTime: at + 500 }));
    if (second % 60 !== 0) continue;
    for (const { source, operation, perSecond } of due) {
      const [windowStart, calls] = [at, 60 * perSecond];
      windows.push(
        outcomes({
          ...{ source, operation, windowStart },
          ...{ status200: 0.9 * calls, status404: 0.1 * calls, completeUpTo: NOON + END * MINUTE },
        }),
      );
    }
  }
  return { seen, windows };
}

const { seen, windows } = drained();

async function explained(reported: readonly RequestOutcomesObserved[]): Promise<Explanation> {
  const { database, log } = await baldeDatabase();
  await publish(log, seen);
  await reportCalls(log, reported);
  await foldAll(database, log);
  const [first] = await database.query<{ id: string }>(
    'select id from dict_rate_limit_alerts order by created_at limit 1',
  );
  return (await explainAlert(database, first?.id ?? '')) ?? expect.fail('no alert was raised');
}

describe('[CALLS-7] an explanation says who drained the bucket', () => {
  test('by shares of the tokens that the calls of that time cost, and that they explain it', async () => {
    const found = await explained(windows);
    const { attribution, why, alert } = found;
    expect(why?.since).toBeGreaterThanOrEqual(NOON + (BATCH_BEGINS - 1) * MINUTE);
    const from = Math.floor((why?.since ?? 0) / MINUTE) * MINUTE;
    const to = Math.ceil(alert.created_at / MINUTE) * MINUTE;
    const truth = begunIn(windows, from, to);
    expect(attribution).toMatchObject({ from, to, incomplete: [], unexplained: { unexplained_at_least: 0 } });
    expect(
      attribution?.shares.map(({ source, operation, tokens, share }) => [`${source} ${operation}`, tokens, share]),
    ).toEqual(sharesOf(truth).map(({ name, tokens, share }) => [name, tokens, expect.closeTo(share, 9) as number]));
    expect(attribution?.tokens).toBe(sharesOf(truth).reduce((sum, { tokens }) => sum + tokens, 0));
    const [hour] = attribution?.rates ?? [];
    const before = rateOf(begunIn(windows, 0, Math.floor(alert.created_at / MINUTE) * MINUTE));
    expect(hour).toMatchObject({
      hours: 1,
      queries: before.queries,
      error_404_rate: expect.closeTo(before.rate, 9) as number,
    });
    const { sources } = explanationJson(found).attribution ?? expect.fail('nobody reports calls');
    expect(sources.map(({ source }) => source)).toEqual(['reconciliation-batch', 'payments']);
    const used = (source: string): number =>
      truth
        .filter((one) => one.source === source)
        .reduce((sum, { status200, status404 }) => sum + status200 + status404, 0);
    const [batch, payments] = [used('reconciliation-batch'), used('payments')];
    expect(sources.map(({ tokens }) => tokens)).toEqual([batch, payments]);
    expect(sources[0]?.share).toBeCloseTo((100 * batch) / (batch + payments), 9);
    const text = explanationText(found).join('\n');
    expect(text).toContain(`Drained by reconciliation-batch, ${sources[0]?.share?.toFixed(1)}%; payments, `);
    expect(text).toContain(`the reported calls cost ${attribution?.tokens.toLocaleString('en-US')} tokens`);
    expect(text).not.toContain('UNEXPLAINED');
  });

  test('and that something else did, where nobody reports it', async () => {
    const found = await explained(windows.filter(({ source }) => source === 'payments'));
    const { attribution } = found;
    const proof = attribution?.unexplained ?? expect.fail('nothing was looked at');
    const tokens = proof.unexplained_at_least ?? 0;
    const seconds = ((proof.unexplained_until ?? 0) - (proof.unexplained_since ?? 0)) / 1_000;
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThanOrEqual(5 * (seconds + 1));
    expect(attribution?.readings).toEqual(['ANOTHER_SYSTEM']);
    expect(attribution?.consumedAtLeast).toBeGreaterThan(attribution?.tokens ?? Infinity);
    expect(explanationText(found).join('\n')).toContain(
      `UNEXPLAINED: something else consumed ${tokens.toLocaleString('en-US')} tokens`,
    );
  });

  test('as far as sources have told it: whoever has not is named, and nothing is proven', async () => {
    const complete = NOON + 21 * MINUTE;
    const late = windows.map((one) => (one.source === 'payments' ? { ...one, completeUpTo: null } : one));
    const mute = await explained(late);
    expect(mute.attribution).toMatchObject({
      incomplete: [{ source: 'payments', complete_up_to: null }],
      unexplained: { unexplained_at_least: null, waiting_for: ['payments'] },
    });
    const half = await explained(windows.map((one) => ({ ...one, completeUpTo: complete })));
    expect(half.attribution?.incomplete.map(({ source, complete_up_to: to }) => [source, to])).toEqual([
      ['payments', complete],
      ['reconciliation-batch', complete],
    ]);
    const text = explanationText(half).join('\n');
    expect(text).toContain('shares of the tokens that the calls reported so far cost');
    expect(text).toContain('payments is complete from 2026-01-05 12:00:00Z to 2026-01-05 12:21:00Z only');
  });

  test('of a bucket of which nobody reports calls nothing is said', async () => {
    const found = await explained([outcomes({ policy: 'KEYS_CHECK', status200: 5 })]);
    expect(found.attribution).toBeNull();
    expect(explanationJson(found).attribution).toBeNull();
    expect(explanationText(found).join('\n')).not.toMatch(/drained by|reported/i);
  });
});
