/** What `balde rebuild` and `balde verify` say of what they did. */
import { describe, expect, it } from 'vitest';
import { comparisonText } from '../../src/cli/render/comparison.ts';
import { history, live } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';

const [FEBRUARY, MARCH, MAY] = [1, 2, 4].map((month) => Date.UTC(2026, month)) as [number, number, number];

describe('rows that are equal are told [VERIFY-1]', () => {
  it.each([
    ['of one bucket in one month', 12, 1, [MARCH], 0, '12 rows equal, of 1 bucket, in 2026-03'],
    ['of several buckets in one month', 1_240, 5, [MARCH], 0, '1,240 rows equal, of 5 buckets, in 2026-03'],
    [
      'of months with a gap between them',
      60,
      2,
      [FEBRUARY, MAY],
      0,
      '60 rows equal, of 2 buckets, in 2 months from 2026-02 to 2026-05',
    ],
    [
      'with those of what is true now',
      12,
      2,
      [MARCH],
      4,
      '12 rows equal, of 2 buckets, in 2026-03, and 4 rows of what is true now',
    ],
    ['when there are none', 0, 0, [], 0, '0 rows equal, of 0 buckets'],
  ])('%s', (_, rows, buckets, calendarMonths, current, expected) => {
    const found = { rows, months: 7 * buckets, buckets, calendarMonths, current };
    const [line, ...others] = comparisonText({ ...found, left: 1, right: 2, differences: [], apart: [], onlyIn: [] });
    expect([line, others]).toEqual([`versions 1 and 2: ${expected}`, []]);
  });
});

describe('a rebuild up to a given time [REBUILD-6]', { timeout: 180_000 }, () => {
  it('counts only the events up to it, and recommends no cut-over, which is refused', async () => {
    const { database, log, url } = await baldeDatabase();
    // Five buckets every hour from 12:00 on.
    await publish(log, history(2));
    await live(database, log, 'states');
    const run = async (...args: string[]) => await balde(args, { DATABASE_URL: url });
    const until = ['--until', '2026-03-01T18:00:00Z'];

    const text = await run('rebuild', 'states', ...until);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(
      /^states version 2: 35 events up to 2026-03-01 18:00:00Z in [\d.]+ s, [\d,]+ events\/s$/m,
    );
    expect(text.stdout).toContain(
      'kept beside the version in service as what was known at 2026-03-01 18:00:00Z, in schema states_v2. ' +
        "It can't be put in service; balde projections drop states 2 removes it",
    );
    expect(text.stdout + text.stderr).not.toContain('cut-over');
    const [rows] = await database.query<{ n: number }>('select count(*) as n from states_v2.history');
    expect(rows?.n).toBe(35);

    const refused = await run('projections', 'cut-over', 'states', '2');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('was built up to a given time only');

    const json = jsonOf(await run('rebuild', 'states', ...until, '--json'));
    expect(json).toMatchObject({
      ...{ version: 3, until: '2026-03-01T18:00:00.000Z', events: 35 },
      ...{ served: false, previous_version: null },
    });

    const verified = await run('verify', 'states');
    expect([verified.code, verified.stdout.split('\n')[0]]).toEqual([
      0,
      'versions 1 and 4: 240 rows equal, of 5 buckets, in 2026-03, and 10 rows of what is true now',
    ]);
  });
});
