/** What the service level says, against sums of every hour and against the incidents that what-if tells. */
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { raisedAlerts } from '../../src/analysis/alerts.ts';
import { incidentsOf, judge, ZeroSpans } from '../../src/analysis/incidents.ts';
import type { EpochMs } from '../../src/domain/events.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { expand } from '../../tools/dashboards/macros.ts';
import { INCIDENTS, PERIODS } from '../../tools/dashboards/sql.ts';
import { PARTICIPANT } from '../support/observations.ts';
import { ask, readOnly } from './ask.ts';
import { BEGIN, END, filled } from './given.ts';

const { url, database } = await filled();
const client = new pg.Client({ connectionString: url });
await client.connect();
afterAll(async () => await client.end());

const variables = { participant: { all: 'select participant from dict_rate_limit_policies' } };
const asked = async (sql: string, from: EpochMs, to: EpochMs): Promise<readonly (readonly unknown[])[]> =>
  (await readOnly(client, async () => await ask(client, expand(sql, { from, to, variables })))).rows;

const MIDNIGHT = BEGIN + 12 * HOUR_MS;
const COLUMNS = ['seconds_at_0', 'seconds_to_10', 'seconds_to_20', 'blind_seconds', 'unobserved_seconds'];
const HIGH = [30, 40, 50, 60, 70, 80, 90, 100].map((edge) => `seconds_to_${edge}`).join(' + ');

describe('[GRAF-6] minutes of a range', () => {
  test.each([
    ['within a day', MIDNIGHT + 3 * HOUR_MS, MIDNIGHT + 9 * HOUR_MS],
    ['from midnight', MIDNIGHT, MIDNIGHT + 5 * HOUR_MS],
    ['across midnight', MIDNIGHT - 2 * HOUR_MS, MIDNIGHT + HOUR_MS],
    ['of days of UTC', MIDNIGHT, MIDNIGHT + 48 * HOUR_MS],
    ['of days three hours west', MIDNIGHT + 3 * HOUR_MS, MIDNIGHT + 51 * HOUR_MS],
    ['to the millisecond before an hour', MIDNIGHT + 3 * HOUR_MS, MIDNIGHT + 51 * HOUR_MS - 1],
    ['of all there is', BEGIN - 50 * HOUR_MS, END + 50 * HOUR_MS],
    ['before anything', BEGIN - 50 * HOUR_MS, BEGIN - 20 * HOUR_MS],
  ])('%s are those of every hour in it', async (_, from, to) => {
    const summed = await asked(
      `with ${PERIODS}
       select endpoint_id, ${COLUMNS.map((name) => `sum(${name})`).join(', ')}, sum(seconds_high)
       from period group by endpoint_id order by endpoint_id`,
      from,
      to,
    );
    const end = Math.ceil(to / HOUR_MS) * HOUR_MS;
    const each = await asked(
      `select endpoint_id, ${COLUMNS.map((name) => `sum(${name})`).join(', ')}, sum(${HIGH} + seconds_above_100)
       from dict_rate_limit_rollup_hours
       where starts_at >= '${new Date(from).toISOString()}' and starts_at < '${new Date(end).toISOString()}'
       group by endpoint_id order by endpoint_id`,
      from,
      to,
    );
    const rounded = (rows: readonly (readonly unknown[])[]) =>
      rows.map(([policy, ...seconds]) => [policy, ...seconds.map((one) => Number(Number(one).toFixed(3)))]);
    expect(rounded(summed)).toEqual(rounded(each));
  });
});

describe('[GRAF-6] incidents of a range', () => {
  /** Each as [policy, when it began, seconds to its end, seconds to zero], as the program tells them. */
  async function told(from: EpochMs, to: EpochMs): Promise<unknown[]> {
    const observations = await database.query<{ policy: string; at: EpochMs; tokens: number }>(
      `select endpoint_id as policy, response_time as at, available_tokens as tokens from dict_rate_limit_states
       order by response_time`,
    );
    const policies = [...new Set(observations.map(({ policy }) => policy))].sort();
    const incidents = policies.map(async (policy) => {
      const zero = new ZeroSpans();
      for (const one of observations) if (one.policy === policy) zero.observe(one.at, one.tokens);
      const alerts = await raisedAlerts(database, { participant: PARTICIPANT, policy, firstSeen: BEGIN });
      return incidentsOf(judge(alerts, zero))
        .filter(({ raisedAt }) => raisedAt >= from && raisedAt <= to)
        .map(({ raisedAt, resolvedAt, leadSeconds }) => [
          ...[policy, raisedAt, resolvedAt === null ? null : (resolvedAt - raisedAt) / 1_000, leadSeconds],
        ]);
    });
    return (await Promise.all(incidents)).flat();
  }

  test.each([
    ['all', BEGIN, END],
    ['a part that begins within incidents', BEGIN + 7 * HOUR_MS, BEGIN + 40 * HOUR_MS],
    ['the last hour', END - HOUR_MS, END],
  ])('%s are those that the program tells', async (_, from, to) => {
    const found = await asked(
      `with ${INCIDENTS}
       select endpoint_id, began, resolve_seconds, lead_seconds from incident order by endpoint_id, began`,
      from,
      to,
    );
    const expected = await told(from, to);
    expect(expected.length).toBeGreaterThan(0);
    expect(found).toEqual(expected);
  });
});
