/** What is unexplained, as /metrics asks for it: bucket by bucket. */
import { describe, expect, it } from 'vitest';
import { unexplainedSample } from '../../src/app/outcomeSamples.ts';
import { openOutcomesPublisher } from '../../src/calls/publish.ts';
import type { Database, Parameter, Sql } from '../../src/store/database.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON, observation } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { live } from '../support/rebuilds.ts';
import { never, publish } from '../support/topics.ts';

const POLICIES = ['CLAIMS_READ', 'EVENT_LIST', 'REFUNDS_READ'];
const LENGTH = 20;
const END = NOON + LENGTH * MINUTE;

/** Each minute 150 tokens go, of which nobody tells; 100 come back. */
async function consumed() {
  const { database, log } = await baldeDatabase();
  const seen = POLICIES.flatMap((policy) =>
    Array.from({ length: LENGTH }, (_, i) =>
      observation({ policy, availableTokens: 1_000 - 50 * i, responseTime: NOON + i * MINUTE + 17_000 }),
    ),
  );
  await publish(
    log,
    seen.sort((a, b) => a.responseTime - b.responseTime),
  );
  const publisher = await openOutcomesPublisher(log, () => END, never);
  await publisher.publish(
    ['POLICIES_LIST', ...POLICIES].flatMap((policy) =>
      [NOON - MINUTE, NOON + MINUTE].map((windowStart) =>
        outcomes({ policy, windowStart, completeUpTo: END, status200: 1 }),
      ),
    ),
  );
  await publisher.close();
  await live(database, log, 'states');
  await live(database, log, 'outcomes');
  return database;
}

/** Statements about one policy fail as long as they are told to. */
function failing(database: Database) {
  const broken = new Set<string>();
  const asked: string[] = [];
  const watch = (tx: Sql): Sql => ({
    ...tx,
    query: async <R extends object>(text: string, parameters?: readonly Parameter[]) => {
      const policy = POLICIES.find((name) => parameters?.includes(name));
      if (policy !== undefined) asked.push(policy);
      if (policy !== undefined && broken.has(policy)) throw new Error('it took too long');
      return await tx.query<R>(text, parameters);
    },
  });
  const transaction: Database['transaction'] = async (work) =>
    await database.transaction(async (tx) => work(watch(tx)));
  return { database: { transaction }, broken, asked };
}

describe('[CALLS-11] the metric of what is unexplained', () => {
  it('is read bucket by bucket: one that fails takes no other with it, keeps its value for a while, and is asked first next time', async () => {
    const { database, broken, asked } = failing(await consumed());
    let now = END;
    const sample = unexplainedSample({ database, now: () => now, staleAfterMs: 60 * MINUTE });
    const read = async (): Promise<Record<string, number>> => {
      const [series = []] = await sample.read(never);
      return Object.fromEntries(
        series.map(([labels, value]): [string, number] => [labels['endpoint_id'] ?? '', value]),
      );
    };
    const all = await read();
    expect(Object.keys(all).sort()).toEqual(POLICIES);
    for (const tokens of Object.values(all)) expect(tokens).toBeGreaterThan(1_000);

    broken.add('EVENT_LIST');
    now += MINUTE;
    asked.length = 0;
    expect(Object.keys(await read()).sort()).toEqual(POLICIES);
    expect(asked).toContain('EVENT_LIST');
    now += MINUTE;
    asked.length = 0;
    await read();
    expect(asked[0]).toBe('EVENT_LIST');
    now += 10 * MINUTE;
    expect(Object.keys(await read()).sort()).toEqual(['CLAIMS_READ', 'REFUNDS_READ']);
    broken.clear();
    now += MINUTE;
    expect(Object.keys(await read()).sort()).toEqual(POLICIES);

    for (const policy of POLICIES) broken.add(policy);
    await expect(sample.read(never)).rejects.toThrow('it took too long');
  }, 120_000);
});
