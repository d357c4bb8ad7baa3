import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts';
import { expand, intervalOf, secondsOf } from '../../tools/dashboards/macros.ts';
import type { View } from '../../tools/dashboards/macros.ts';

const from = Date.UTC(2026, 2, 1);
const view: View = {
  ...{ from, to: from + HOUR_MS },
  variables: { policy: `O'Neill`, severity: ['CRITICAL', `it's`], participant: { all: 'select 1' } },
};

describe('[GRAF-3] macros and variables of a query', () => {
  test.each([
    ['$__time(at)', 'at AS "time"'],
    ['$__timeEpoch(at)', 'extract(epoch from at) as "time"'],
    ['$__timeFilter(at)', `at BETWEEN '2026-03-01T00:00:00.000Z' AND '2026-03-01T01:00:00.000Z'`],
    ['$__timeFrom() $__timeTo()', `'2026-03-01T00:00:00.000Z' '2026-03-01T01:00:00.000Z'`],
    [`$__timeGroup(at, '5m')`, 'floor(extract(epoch from at)/300)*300'],
    [`$__timeGroup(at, '1h', 0)`, 'floor(extract(epoch from at)/3600)*3600'],
    ['$__timeGroupAlias(at, $__interval)', 'floor(extract(epoch from at)/5)*5 AS "time"'],
    ['$__unixEpochFilter(at)', 'at >= 1772323200 AND at <= 1772326800'],
    ['$__unixEpochFrom() $__unixEpochTo()', '1772323200 1772326800'],
    [
      `$__unixEpochGroup(at, '1d') $__unixEpochGroupAlias(at, '1w')`,
      'floor(at/86400)*86400 floor(at/604800)*604800 AS "time"',
    ],
    ['$__interval $__interval_ms', '5s 5000'],
    [`'$policy' '\${policy}'`, `'O''Neill' 'O''Neill'`],
    ['in ($severity)', `in ('CRITICAL','it''s')`],
    ['in ($participant)', 'in (select 1)'],
  ])('%s', (sql, sent) => {
    expect(expand(sql, view)).toBe(sent);
  });

  test('that there are not are an error', () => {
    expect(() => expand('$__timeFliter(at)', view)).toThrow('no macro $__timeFliter');
    expect(() => expand(`'$polciy'`, view)).toThrow('no variable $polciy');
    expect(() => secondsOf('5 minutes')).toThrow('no interval');
  });

  test('an interval is as long as the range and the panel make it', () => {
    expect(intervalOf({ ...view, to: from + DAY_MS })).toBe(300);
    expect(intervalOf({ ...view, leastInterval: secondsOf('1h') })).toBe(3_600);
    expect(expand('$__interval', { ...view, to: from + 400 * DAY_MS })).toBe('12h');
  });
});
