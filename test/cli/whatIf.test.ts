import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { observation } from '../support/observations.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import { foldAll, MINUTE, PARTICIPANT, publish, seed } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };
const LAST = Date.UTC(2026, 4, 4, 12);
await seed(database, log, LAST);
const antiscan = [500, 200, 20, 500].map((availableTokens, i) =>
  observation({
    ...{
      policy: 'ENTRIES_STATISTICS_READ',
      availableTokens,
      capacity: 500,
      refillTokens: 250,
      category: 'F',
    },
    responseTime: LAST - (3 - i) * MINUTE,
  }),
);
await publish(log, antiscan, 1_000);
await foldAll(database, log);
const folder = await mkdtemp(join(tmpdir(), 'balde-what-if-'));
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const iso = (at: number): string => new Date(at).toISOString();

interface Compared {
  readonly summary: Readonly<Record<string, unknown>>;
  readonly policies: readonly object[];
  readonly outages: readonly object[];
  readonly added: readonly { readonly severity: string }[];
  readonly gone: readonly object[];
  readonly earlier: readonly object[];
  readonly later: readonly object[];
  readonly longer: readonly object[];
  readonly shorter: readonly object[];
}
const compare = async (...args: string[]): Promise<Compared> =>
  jsonOf<Compared>(await balde(['what-if', '--json', ...args], environment));

describe('balde what-if', () => {
  test('without rules: exactly what was raised', async () => {
    const { summary, policies, outages, ...lists } = await compare();
    expect(lists).toEqual({ added: [], gone: [], earlier: [], later: [], longer: [], shorter: [] });
    expect(summary).toMatchObject({
      ...{ rule_version: 'w20-c10-m0-n1', baseline_rule_versions: { 'w20-c10-m0-n1': 4 }, observations: 14 },
      ...{ unchanged: 4, history_from: iso(LAST - 4 * MINUTE), history_to: iso(LAST) },
      baseline: { alerts: 4, warning: 1, critical: 3, open: 1, incidents: 3, flaps: 1, reached_zero: 1 },
    });
    expect(policies).toHaveLength(2);
    expect(outages).toMatchObject([{ endpoint_id: 'FALLING', from: iso(LAST), baseline_lead_seconds: null }]);
    const { stdout } = await balde(['what-if'], environment);
    expect(stdout).toMatch(/^in all +4 > 4 +0 +0 +0 +0 +0 +0 +4 /m);
    expect(stdout).toMatch(/^No difference/m);
  });

  test('rules of the configuration are the ones that others are set beside', async () => {
    const { code, stdout } = await balde(['what-if', '--warning', '70'], {
      ...environment,
      CRITICAL_PERCENT: '5',
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^rules +WARNING at 70 %, CRITICAL at 5 %$/m);
  });

  test('other rules: each difference in its list; text and CSV in order of time', async () => {
    const { summary, added, gone, earlier, shorter } = await compare('--warning', '70', '--critical', '15');
    // FALLING is CRITICAL a minute earlier, so its WARNING is gone; STATISTICS has its own WARNING before.
    expect(earlier).toMatchObject([
      {
        ...{
          endpoint_id: 'FALLING',
          severity: 'CRITICAL',
          raised_shift_seconds: -60,
          duration_shift_seconds: 60,
        },
        baseline: { created_at: iso(LAST - 2 * MINUTE), reason: 'ESCALATED' },
        what_if: { created_at: iso(LAST - 3 * MINUTE), reason: 'THRESHOLD' },
      },
    ]);
    expect(gone).toMatchObject([{ endpoint_id: 'FALLING', severity: 'WARNING', lead_seconds: null }]);
    expect(added).toMatchObject([{ endpoint_id: 'ENTRIES_STATISTICS_READ', severity: 'WARNING' }]);
    expect(shorter).toEqual([]);
    expect(summary).toMatchObject({ added: 1, gone: 1, earlier: 1, longer: 1, unchanged: 2 });

    const args = ['what-if', '--warning', '70', '--critical', '15'];
    const csv = (await balde([...args, '--csv'], environment)).stdout.trim().split('\n');
    expect(csv[0]).toMatch(/^change,participant,endpoint_id,severity,baseline_created_at,/);
    expect(
      csv
        .slice(1)
        .map((line) => line.split(',')[0])
        .sort(),
    ).toEqual(['added', 'earlier+longer', 'gone']);
    const { stdout } = await balde(args, environment);
    expect(stdout).toMatch(/^3 alerts differ$/m);
    expect(stdout).toMatch(/^earlier\+longer +CRITICAL +12345678 +FALLING .* -1m 00s +\+1m 00s$/m);
  });

  test('[WHATIF-3] tells what no threshold could have announced, and what a forecast and polls further apart would have', async () => {
    await database.execute(
      `insert into forecasts_v1.forecasts (id, participant, endpoint_id, available_tokens, capacity, demand_per_minute,
         draining_since, seconds_to_zero, seconds_to_zero_low, seconds_to_zero_high, message, rule_version, caused_by,
         created_at, resolved)
       values (gen_random_uuid(), '${PARTICIPANT}', 'FALLING', 250, 300, 200, $1, 60, 15, 63, '', 'f300-t1.8', '[]', $1, false)`,
      [iso(LAST - 45_000)],
    );
    const { summary, outages } = await compare('--every', '2m');
    // From 250 of 300 to none in one poll.
    expect(summary['outages']).toMatchObject({
      ...{ count: 1, beyond_thresholds: 1, highest_threshold_percent: 50, forecasts_made: 1 },
      ...{ baseline: { announced: 0 }, what_if: { announced: 0 } },
      ...{ forecast: { announced: 1, lead_median_seconds: 45 }, what_if_or_forecast: { announced: 1 } },
      coarser: { every_seconds: 120, announced: 1, seen: 1 },
    });
    expect(outages).toMatchObject([{ left_before_percent: 250 / 3, forecast_lead_seconds: 45, coarser_saw: true }]);
    const { stdout } = await balde(['what-if', '--every', '2m'], environment);
    expect(stdout).toMatch(/^outages +buckets were seen to become empty 1 time; 1 of these with more than 50 % left/m);
    expect(stdout).toMatch(/^forecasts \(1 made\) +1 \(100 %\) +45s +45s$/m);
    expect(stdout).toMatch(/^what-if, polls every 2m +1 \(100 %\)/m);
  });

  test('against other rules instead of what was raised', async () => {
    const rules = ['--warning', '70', '--critical', '15'];
    const against = ['--against-warning', '70', '--against-critical', '15'];
    const { summary } = await compare(...rules, ...against);
    expect(summary).toMatchObject({
      added: 0,
      gone: 0,
      earlier: 0,
      baseline_rule_versions: { 'w70-c15-m0-n1': 4 },
    });
    expect((await compare(...against)).added).toMatchObject([{ severity: 'WARNING' }]);
  });

  test('buckets and times that are left out', async () => {
    const window = ['--from', iso(LAST - 90_000), '--to', iso(LAST - 30_000)];
    expect((await compare('--policy', 'FALLING', ...window)).summary).toMatchObject({
      ...{ observations: 5, baseline: { alerts: 1 } },
    });
  });

  test('a chart goes to a file', async () => {
    const file = join(folder, 'rules.svg');
    await balde(['what-if', '--warning', '70', '--svg', file], environment);
    const svg = await readFile(file, 'utf8');
    for (const text of ['WARNING at 70 %, CRITICAL at 10 %', 'FALLING', 'ENTRIES_STATISTICS_READ'])
      expect(svg).toContain(text);
  });
});

describe('balde what-if --category', () => {
  test('says when the bucket would have refused, what it assumes, and what it can not know', async () => {
    const { category, policies } = jsonOf<{ category: string; policies: object[] }>(
      await balde(['what-if', '--category', 'H', '--json'], environment),
    );
    expect(category).toBe('H');
    expect(policies).toMatchObject([
      {
        ...{ participant: PARTICIPANT, endpoint_id: 'ENTRIES_STATISTICS_READ', capacity: 50 },
        ...{ observed_categories: ['F'], observations: 4 },
        // At least 300 and then 180, for no refill need have landed; two explain the rise from 20 to 500.
        ...{ estimated_share: 0, consumed_low: 480, consumed_likely: null, intervals_without_upper_bound: 0 },
        best_case: [{ from: iso(LAST - 2 * MINUTE), to: iso(LAST) }],
        likely_case: null,
      },
    ]);
    const { stdout } = await balde(['what-if', '--category', 'H'], environment);
    expect(stdout).toMatch(/^ENTRIES_STATISTICS_READ of 12345678 in category H: 50 tokens, 2 back every 60 s$/m);
    expect(stdout).toMatch(/best case, 429: 1 time; 2m 00s in all, from observation to observation/);
    expect(stdout).toMatch(/^ +assumed +the traffic would have been the same/m);
    const larger = await balde(['what-if', '--category', 'A'], environment);
    expect(larger.stdout).toMatch(
      /best case, 429: never\n +likely case, 429: between the two; nothing is estimated .*\n +worst case, 429: never/,
    );
    const csv = await balde(['what-if', '--category', 'H', '--csv'], environment);
    expect(csv.stdout).toMatch(/^participant,endpoint_id,category,case,from,to,refused_tokens\n12345678,/);
  });

  test('all: ranks the categories, and says which would do', async () => {
    const all = ['what-if', '--category', 'all'];
    const { policies } = jsonOf<{ policies: { categories: { category: string }[] }[] }>(
      await balde([...all, '--json'], environment),
    );
    expect(policies).toMatchObject([
      {
        ...{ endpoint_id: 'ENTRIES_STATISTICS_READ', observations: 4, observed_categories: ['F'] },
        smallest_without_429: { best_case: 'F', likely_case: null, worst_case: 'E' },
      },
    ]);
    expect(policies[0]?.categories.map(({ category }) => category)).toEqual(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']);
    expect(policies[0]?.categories[7]).toMatchObject({
      capacity: 50,
      best_case: { times: 1, seconds: 120 },
      likely_case: null,
      worst_case: { times: 1, seconds: 120 },
    });
    const { stdout } = await balde(all, environment);
    expect(stdout).toMatch(/^ +no 429 +best case: F would do; likely case: not known; worst case: E would do$/m);
    expect(stdout).toMatch(/^ +H +50 +2 +2m 00s +\? +2m 00s /m);
    const csv = (await balde([...all, '--csv'], environment)).stdout.split('\n');
    expect(csv[0]).toBe('participant,endpoint_id,category,case,times,seconds,refused_tokens');
    expect(csv.filter((line) => line.startsWith(PARTICIPANT))).toHaveLength(8 * 3);
  });

  test('is no question about alerts, nor about other policies', async () => {
    const mixed = await balde(['what-if', '--category', 'D', '--warning', '30'], environment);
    expect(mixed.stderr).toMatch(/leave out --warning/);
    const other = await balde(['what-if', '--category', 'D', '--policy', 'FALLING'], environment);
    expect(other.stderr).toMatch(/only ENTRIES_READ_PARTICIPANT_ANTISCAN and ENTRIES_STATISTICS_READ depend/);
    const unknown = await balde(['what-if', '--category', 'Z'], environment);
    expect(unknown.stderr).toMatch(/choose one of A, B, C, D, E, F, G, H/);
    expect([mixed.code, other.code, unknown.code]).toEqual([1, 1, 1]);
  });
});

test.each([
  [['--critical', '30'], /CRITICAL \(30 %\) must be below WARNING \(20 %\)/],
  [['--warning', '90', '--resolve-margin', '10'], /no alert could ever resolve/],
  [['--against-warning', '5'], /the rules to compare with: CRITICAL \(10 %\) must be below WARNING \(5 %\)/],
  [['--warning', '101'], /a number from 0 to 100 is needed/],
  [['--warning', 'low'], /a number from 0 to 100 is needed/],
  [['--every', '5'], /an interval from 1s to 1d is needed, such as 5m/],
  [['--every', '5m', '--category', 'A'], /leave out --every/],
  [['--for-observations', '0'], /a whole number from 1 to 100/],
  [['--participant', '00000000'], /no participant 00000000 was ever observed: there is 12345678/],
  [['--policy', 'NONE'], /there are ENTRIES_STATISTICS_READ, FALLING, STEADY/],
  [['--from', '2026-05-05', '--to', '2026-05-04'], /--from must be before --to/],
  [['--from', 'soon'], /a time such as/],
  [['--json', '--svg', 'x.svg'], /cannot be used with/],
])('%j is an error that says what to do', async (args, expected) => {
  const { code, stdout, stderr } = await balde(['what-if', ...args], environment);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(expected);
});

test('a database without read models says what to run first', async () => {
  const { url: fresh } = await emptyDatabase();
  const { code, stderr } = await balde(['what-if'], { DATABASE_URL: fresh });
  expect(code).toBe(1);
  expect(stderr).toMatch(/run balde migrate first/);
});

test('[WHATIF-2] on a read model that has no estimates yet, nothing is called likely', async () => {
  const columns = `participant, endpoint_id, response_time, available_tokens, capacity, refill_tokens, refill_period_sec,
    psp_category, consumption_low, consumption_high, blind_seconds`;
  await database.execute(`
    drop view public.dict_rate_limit_states cascade;
    create view public.dict_rate_limit_states as select ${columns} from states_v1.history`);
  const one = await balde(['what-if', '--category', 'H'], environment);
  expect(one.stdout).toMatch(/likely case, 429: between the two; nothing is estimated of this bucket/);
  const all = await balde(['what-if', '--category', 'all'], environment);
  expect(all.stdout).toMatch(/best case: F would do; likely case: not known; worst case: E would do/);
});
