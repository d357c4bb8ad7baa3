import { beforeAll, describe, expect, test } from 'vitest';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, observation, PARTICIPANT } from '../support/observations.ts';
import { balde, jsonOf } from './balde.ts';
import { foldAll, publish } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };
const ask = async (...args: string[]) => await balde(['plan', '--policy', 'CLAIMS_READ', ...args], environment);

/** A day and two hours of polls every five minutes: 500 of 1,000 tokens, as much drawn as comes back, 60 a minute. */
beforeAll(async () => {
  const now = Date.now();
  const size = { capacity: 1_000, refillTokens: 60, refillPeriodSec: 60, availableTokens: 500 };
  const polls = 26 * 12;
  await publish(
    log,
    Array.from({ length: polls }, (_, i) =>
      observation({ policy: 'CLAIMS_READ', ...size, responseTime: now - (polls - 1 - i) * 5 * MINUTE }),
    ),
  );
  await foldAll(database, log);
});

interface Answer {
  readonly highest: { readonly days: number; readonly days_below: number; readonly tokens_per_minute: number } | null;
  readonly needed: { readonly days_below: number; readonly tokens_per_minute: number };
  readonly estimated_share: number | null;
}

describe('[PLAN-1] balde plan', () => {
  test('tells the rate, the end and the risk', async () => {
    const found = jsonOf<Answer>(await ask('--tokens', '250', '--json'));
    expect(found.highest).toMatchObject({ days: 1, days_below: 0, days_empty: 0 });
    expect(found.highest?.tokens_per_minute).toBeGreaterThan(500);
    const { code, stdout } = await ask('--tokens', '250');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^250 tokens at .* a minute are done at /m)]);
    expect(stdout).toMatch(/^At that rate: below 20 % on 0 of 1 days before, empty on 0\.$/m);
  });

  test('where no rate does, tells what would be needed and what that does, and ends with 1', async () => {
    const { code, stdout } = await ask('--tokens', '50000');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^No rate keeps 20 % and takes 50,000 tokens by /m);
    expect(stdout).toMatch(/would be needed: below 20 % on 1 of 1 days before, empty on 1\.$/m);
    // Half of the bucket may go: 500 tokens, less than is to stay.
    expect((await ask('--tokens', '499', '--keep', '0')).code).toBe(0);
  });

  test('says what it lacks', async () => {
    const past = await ask('--tokens', '1', '--by', '2020-01-01');
    expect([past.code, past.stderr]).toEqual([1, expect.stringContaining('--by has to be within the next 24 hours')]);
    const unknown = await balde(['plan', '--policy', 'NONE', '--tokens', '1'], environment);
    expect(unknown.stderr).toContain('no policy NONE was ever observed');
    const other = await balde(
      ['plan', '--policy', 'CLAIMS_READ', '--tokens', '1', '--participant', PARTICIPANT],
      environment,
    );
    expect(other.code).toBe(0);
    expect((await balde(['plan', '--tokens', '1'], environment)).stderr).toContain('--policy');
  });

  test('works on a read model that has no estimates yet, and says that it goes by the least', async () => {
    await database.execute(`
      drop view public.dict_rate_limit_states cascade;
      create view public.dict_rate_limit_states as
        select participant, endpoint_id, response_time, consumption_low from states_v1.history`);
    const { code, stdout } = await ask('--tokens', '250');
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('0.0% was estimated; of the rest only the least is known'),
    ]);
  });
});
