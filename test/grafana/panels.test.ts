/** Every query of every dashboard on a real database, as the role that Grafana has, against what real folds made. */
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts';
import { openDatabase } from '../../src/store/database.ts';
import { unexplained } from '../../src/views/outcomes.ts';
import { expand } from '../../tools/dashboards/macros.ts';
import type { View } from '../../tools/dashboards/macros.ts';
import { queriesOf } from '../../tools/dashboards/queries.ts';
import type { Asked } from '../../tools/dashboards/queries.ts';
import { begunIn, rateOf, sharesOf } from '../calls/truth.ts';
import { PARTICIPANT } from '../support/observations.ts';
import { answerProblems } from './check.ts';
import type { Answer } from './check.ts';
import { shipped } from './files.ts';
import { ask, readOnly } from './ask.ts';
import { BEGIN, END, filled, POLICY, windows } from './given.ts';

const { url } = await filled();
const client = new pg.Client({ connectionString: url });
await client.connect();
afterAll(async () => await client.end());

const ALL = { all: 'select participant from dict_rate_limit_policies' };
const SEVERITIES = ['CRITICAL', 'WARNING'];
/** One bucket: variables of one value each. */
const ofBucket = { participant: PARTICIPANT, policy: POLICY };

/** Ranges that end with the data, so that each way to draw a graph has its turn. */
const RANGES = { 'a day': DAY_MS, 'six days': 6 * DAY_MS, 'a month': 30 * DAY_MS, 'a year': 365 * DAY_MS } as const;
const all = shipped().flatMap((dashboard) =>
  queriesOf(dashboard).map((asked) => [`${dashboard.uid}, ${asked.of} ${asked.name}`, dashboard.uid, asked] as const),
);

const viewOf = (uid: string, from: number, participant: View['variables'][string] = ALL): View => ({
  from,
  to: END,
  variables: uid === 'balde-bucket' ? ofBucket : { participant, severity: SEVERITIES },
});

const answer = async (asked: Asked, view: View) =>
  await readOnly(client, async () => await ask(client, expand(asked.sql, view)));

describe('[GRAF-3] every query', () => {
  test('is one of the views that there are, and no other table', () => {
    expect(all.length).toBeGreaterThan(25);
  });

  test.each(all)('%s: gives what is shown', async (_, uid, asked) => {
    const found: Answer[] = [];
    for (const length of Object.values(RANGES)) found.push(await answer(asked, viewOf(uid, END - length)));
    for (const one of found) expect(answerProblems(asked, one)).toEqual([]);
    // Some of what it is to show is there: a check of nothing is none.
    expect(found.some(({ rows }) => rows.length > 0)).toBe(true);
    const columns = found[0]?.columns ?? [];
    const empty = columns.filter((_column, i) => found.every(({ rows }) => rows.every((row) => row[i] === null)));
    expect(empty.map(({ name }) => name)).toEqual([]);
  });

  test.each(all)('%s: is right of one participant, of another, and of an empty range', async (_, uid, asked) => {
    const before = BEGIN - 400 * DAY_MS;
    const views = [
      viewOf(uid, END - DAY_MS, [PARTICIPANT]),
      viewOf(uid, END - DAY_MS, ['87654321', `O'Neill`]),
      { ...viewOf(uid, before), to: before + HOUR_MS },
    ];
    for (const view of views) expect(answerProblems(asked, await answer(asked, view))).toEqual([]);
  });
});

describe('[CALLS-5] what calls came to', () => {
  const from = END - DAY_MS;
  /** By title of the panel, each row by column. */
  const told = async (title: string): Promise<Readonly<Record<string, unknown>>[]> => {
    const asked = all.map(([, , one]) => one).find(({ name }) => name.startsWith(title)) ?? expect.fail(title);
    const { columns, rows } = await answer(asked, viewOf('balde-bucket', from));
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])));
  };
  const near = (value: number): number => expect.closeTo(value, 9) as number;

  test('has the tokens and shares of the windows', async () => {
    const used = sharesOf(begunIn(windows, from, END + 1));
    const rows = await told('Who used the tokens');
    expect(
      rows.map((row) => [
        `${String(row['Source'])} ${String(row['Operation'])}`,
        Number(row['Tokens']),
        Number(row['Share']),
      ]),
    ).toEqual(used.map(({ name, tokens, share }) => [name, tokens, near(share)]));
    const hours = await told('Tokens used, by source');
    for (const { name, tokens } of used) {
      const own = hours.filter(({ metric }) => metric === name);
      expect(own.reduce((sum, row) => sum + Number(row['Tokens']), 0)).toBe(tokens);
      expect(own.length).toBeGreaterThan(20);
    }
  });

  test('has the rate of every hour with its interval', async () => {
    const rows = await told('404 rate');
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      const hour = Number(row['time']);
      const { rate, low, high } = rateOf(begunIn(windows, Math.max(hour, from), Math.min(hour + HOUR_MS, END + 1)));
      expect([row['404 rate'], row['95 % from'], row['95 % to']]).toEqual([near(rate), near(low), near(high)]);
    }
  });

  test('has the proof as balde consumers has it', async () => {
    const database = openDatabase({ url });
    const [proof] = await unexplained(database, { since: from, until: END, ...ofBucket });
    await database.close();
    const [row] = await told('Used by nobody');
    expect(proof?.unexplained_at_least).toBeGreaterThan(0);
    expect(Number(row?.['Tokens at least'])).toBe(proof?.unexplained_at_least);
    expect([row?.['From'], row?.['To'], row?.['Waiting for']].map(String)).toEqual(
      [proof?.unexplained_since, proof?.unexplained_until, ''].map(String),
    );
  });
});
