/** The check itself: what is planted is found, and named. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { queriesOf, read } from '../../tools/dashboards/queries.ts';
import type { Asked, DashboardJson } from '../../tools/dashboards/queries.ts';
import { answerProblems, panelProblems } from './check.ts';
import type { Answer } from './check.ts';
import { FOLDER, published, shipped } from './files.ts';

const original = readFileSync(join(FOLDER, 'bucket.json'), 'utf8');

/** The dashboard of a bucket with another text in it. */
function planted(right: string, wrong: string): DashboardJson {
  expect(original).toContain(right);
  return read(original.replaceAll(right, wrong));
}

const queryOf = (dashboard: DashboardJson, name: string): Asked =>
  queriesOf(dashboard).find((one) => one.name === name && one.of !== 'variable') ?? expect.fail(`no query of ${name}`);

const column = (name: string, kind: Answer['columns'][number]['kind'] = 'number') => ({ name, kind });
/** What the graph of tokens is given. */
const TOKENS: Answer = {
  columns: [
    column('time', 'time'),
    ...['Lowest', 'Highest', 'Capacity', 'Warning', 'Critical'].map((name) => column(name)),
  ],
  rows: [
    [1, 5, 6, 10, 2, 1],
    [2, 4, 6, 10, 2, 1],
  ],
};
const tokens = queryOf(read(original), 'Tokens left');

describe('[GRAF-3] an answer that does not fit its panel', () => {
  test('is told from one that does', () => {
    expect(answerProblems(tokens, TOKENS)).toEqual([]);
  });

  test('a column that a panel speaks of and no query gives', () => {
    const wrong = queryOf(planted('"options": "Lowest"', '"options": "Lowset"'), 'Tokens left');
    expect(answerProblems(wrong, TOKENS)).toEqual(['speaks of column Lowset, which there is not']);
    const filled = queryOf(planted('"value": "Lowest"', '"value": "Lowset"'), 'Tokens left');
    expect(answerProblems(filled, TOKENS)).toEqual(['speaks of column Lowset, which there is not']);
  });

  test.each<[string, Partial<Answer>, string]>([
    ['no time', { columns: [column('at', 'time'), ...TOKENS.columns.slice(1)] }, 'a time series needs a column time'],
    ['a time that is text', { columns: [column('time', 'text'), ...TOKENS.columns.slice(1)] }, 'column time is text'],
    ['times that fall', { rows: [...TOKENS.rows].reverse() }, 'column time does not ascend'],
    ['times that are none', { rows: [['?', 1, 1, 1, 1, 1]] }, 'column time has values that are no times'],
    [
      'text among numbers',
      { columns: [...TOKENS.columns.slice(0, 5), column('Critical', 'text')] },
      'column Critical of a time series is text',
    ],
    ['a name twice', { columns: [...TOKENS.columns, column('Lowest')] }, 'gives column Lowest twice'],
  ])('%s', (_, changed, problem) => {
    expect(answerProblems(tokens, { ...TOKENS, ...changed })).toEqual([problem]);
  });

  test('no number at all', () => {
    const wrong = answerProblems(tokens, { ...TOKENS, columns: [column('time', 'time')] });
    expect(wrong).toContain('a time series needs a column of numbers');
  });

  test('a table where a graph is', () => {
    expect(answerProblems({ ...tokens, format: 'table' }, TOKENS)).toEqual(['a timeseries of format table']);
  });

  test('an annotation without a text, and with what it has no use for', () => {
    const marks: Asked = { ...tokens, of: 'annotation', panel: null, format: 'table' };
    const columns = [column('time', 'time'), column('timeend', 'time'), column('tags', 'text')];
    expect(answerProblems(marks, { columns, rows: [] })).toEqual(['an annotation needs a column text']);
    const wrong = [column('time', 'text'), column('text', 'text'), column('until', 'time')];
    expect(answerProblems(marks, { columns: wrong, rows: [] })).toEqual([
      'column time of an annotation is text, not time',
      'an annotation has no use for column until',
    ]);
  });

  test('a variable of numbers, or of two columns', () => {
    const variable: Asked = { ...tokens, of: 'variable', panel: null, format: 'table' };
    expect(answerProblems(variable, { columns: [column('a')], rows: [] })).toHaveLength(1);
    expect(answerProblems(variable, { columns: [column('a', 'text'), column('b', 'text')], rows: [] })).toHaveLength(1);
  });
});

describe('[GRAF-2] a name that Grafana does not have', () => {
  const problems = (dashboard: DashboardJson): string[] =>
    dashboard.panels.flatMap((panel) => panelProblems(panel, published(), shipped()));

  test.each([
    ['a unit of a column', '"value": "dtdurations"', '"value": "seconds"', 'Grafana has no unit seconds'],
    ['a unit of a panel', '"unit": "locale"', '"unit": "lokale"', 'Grafana has no unit lokale'],
    ['a type', '"type": "timeseries"', '"type": "graph2"', 'Grafana has no panel graph2'],
  ])('%s is found', (_, right, wrong, problem) => {
    expect(problems(read(original))).toEqual([]);
    expect(new Set(problems(planted(right, wrong)))).toEqual(new Set([problem]));
  });

  const overview = readFileSync(join(FOLDER, 'overview.json'), 'utf8');
  test.each([
    ['/d/balde-bucket?', '/d/balde-buckets?', 'links to dashboard balde-buckets, which there is not'],
    ['var-policy=', 'var-polcy=', 'links to balde-bucket with variable polcy, which it has not'],
  ])('a link to %s that leads nowhere is found', (right, wrong, problem) => {
    expect(overview).toContain(right);
    const found = problems(read(overview.replaceAll(right, wrong)));
    expect(new Set(found)).toEqual(new Set([problem]));
  });

  test('a field of a link that no column is', () => {
    const json = overview.replaceAll('__data.fields[\\"Policy\\"]', '__data.fields[\\"Polcy\\"]');
    expect(json).not.toBe(overview);
    const buckets = queryOf(read(json), 'Buckets, worst first');
    const names = [...buckets.sql.matchAll(/ as "([^"]+)"/g)].map(([, name = '']) => column(name));
    expect(answerProblems(buckets, { columns: names, rows: [] })).toEqual([
      'speaks of column Polcy, which there is not',
    ]);
  });
});
