/** Every query of every dashboard on a real database, as the role that Grafana has, against what real folds made. */
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts';
import { expand } from '../../tools/dashboards/macros.ts';
import type { View } from '../../tools/dashboards/macros.ts';
import { queriesOf } from '../../tools/dashboards/queries.ts';
import type { Asked } from '../../tools/dashboards/queries.ts';
import { PARTICIPANT } from '../support/observations.ts';
import { answerProblems } from './check.ts';
import type { Answer } from './check.ts';
import { shipped } from './files.ts';
import { ask, readOnly } from './ask.ts';
import { BEGIN, END, filled, POLICY } from './given.ts';

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
