import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DASHBOARDS, jsonOf } from '../../tools/dashboards/dashboards.ts';
import { everyMetric } from '../prometheus/everyMetric.ts';
import { rules } from '../prometheus/deployed.ts';
import { panelProblems } from './check.ts';
import { FOLDER, published, shipped, shippedFiles } from './files.ts';

const names = Object.keys(DASHBOARDS);
const all = shipped();
const panels = all.flatMap(({ uid, panels: list }) =>
  list.map((panel) => [`${uid}: ${panel.title ?? ''}`, panel] as const),
);

describe('[GRAF-1] deploy/grafana/dashboards', () => {
  test.each(names)('%s.json is what the code makes (UPDATE_DASHBOARDS=1 writes it)', (name) => {
    const made = jsonOf(DASHBOARDS[name]?.() ?? expect.fail(`no dashboard ${name}`));
    const path = join(FOLDER, `${name}.json`);
    if (process.env['UPDATE_DASHBOARDS'] === '1') writeFileSync(path, made);
    expect(readFileSync(path, 'utf8')).toBe(made);
  });

  test('has no other file', () => {
    expect(shippedFiles().sort()).toEqual(names.map((name) => `${name}.json`).sort());
  });

  test('names each dashboard, and each panel of it, once', () => {
    const uids = all.map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(5);
    for (const { uid, panels: list } of all) {
      expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
      expect(new Set(list.map(({ title }) => title)).size, uid).toBe(list.length);
    }
  });
});

describe('[GRAF-2] units, panel types and links', () => {
  test('are compared with lists that are whole', () => {
    const { units, panels: types, release } = published();
    expect(release).toMatch(/^\d+\.\d+\.\d+$/);
    expect(units.length).toBeGreaterThan(200);
    expect(types).toEqual(expect.arrayContaining(['timeseries', 'table', 'stat']));
  });

  test.each(panels)('%s: each is one that there is', (_, panel) => {
    expect(panelProblems(panel, published(), all)).toEqual([]);
  });
});

describe('[GRAF-4] the metrics of panels', () => {
  const recorded = new Map(
    rules().flatMap(({ record, expr }) => (record === undefined ? [] : [[record, expr] as const])),
  );
  const metrics = new Map(everyMetric().map(({ name, labels }) => [name, labels] as const));
  const asked = panels.flatMap(([name, { targets = [] }]) =>
    targets.flatMap(({ expr, legendFormat = '' }) => (expr === undefined ? [] : [{ name, expr, legendFormat }])),
  );
  /** Names of metrics and rules in an expression. */
  const namesIn = (expr: string): string[] =>
    [...expr.matchAll(/\b(?:\w+:)?(?:balde|dict_rate_limit)_\w+(?::\w+)?/g)].map(([name]) => name);
  const groupedBy = (expr: string): string[] =>
    [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(',').map((label) => label.trim()));

  test('are looked for where there are some', () => {
    expect(asked.length).toBeGreaterThan(20);
    const isLine = (expr: string): boolean => /^vector\([\d.]+\)$/.test(expr);
    const asksNothing = ({ expr }: (typeof asked)[number]): boolean => namesIn(expr).length === 0 && !isLine(expr);
    expect(asked.filter((one) => asksNothing(one) && !one.expr.includes('up{'))).toEqual([]);
  });

  test.each(asked)('$name asks for what there is: $expr', ({ expr }) => {
    const known = (name: string): boolean =>
      recorded.has(name) || metrics.has(name) || metrics.has(name.replace(/_(bucket|sum|count)$/, ''));
    expect(namesIn(expr).filter((name) => !known(name))).toEqual([]);
  });

  test.each(asked)('$name groups by labels that its metrics have, and names its series by them: $expr', (one) => {
    const { expr, legendFormat } = one;
    const labels = namesIn(expr).flatMap((name) => metrics.get(name.replace(/_bucket$/, '')) ?? []);
    const grouped = groupedBy(expr);
    expect(grouped.filter((label) => label !== 'le' && !labels.includes(label))).toEqual([]);
    const left = [...grouped, ...namesIn(expr).flatMap((name) => groupedBy(recorded.get(name) ?? ''))];
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
    expect(shown.filter((label) => !left.includes(label))).toEqual([]);
  });
});
