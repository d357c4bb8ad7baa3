/** A fold is listed once; what else names the folds is held to that list. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { ROLES } from '../../src/config/roles.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { FOLDS, foldOf, READ_MODELS, REBUILDABLE, RETAINED_READ_MODELS, TOPICS } from '../../src/topology/folds.ts';

const names = FOLDS.map(({ name }) => name);

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

/** Three names of folds on end, and what else the list has. */
const LIST = new RegExp(`(?:\\b(?:${names.join('|')})\\b\`?, ?\`?){3,}[\\w\`, ]*`, 'g');
const wordsOf = (list: string): ReadonlySet<string> => new Set(list.match(/\w+/g));

test('every folder of projections is a fold of its name in src/topology/folds.ts, with a role and a runner', () => {
  expect(readdirSync(join(packageRoot, 'projections')).sort()).toEqual(names.toSorted());
  expect(ROLES.filter((role) => names.includes(role)).toSorted()).toEqual(names.toSorted());
  expect(Object.keys(FOLD_RUNNERS).sort()).toEqual(names.toSorted());
});

test.each(READ_MODELS)('read model %s is listed by its name and with the topic it reads', (what) => {
  const { projection } = foldOf(what);
  expect([projection.name, projection.topic]).toEqual([what, REBUILDABLE[what].topic.name]);
});

describe('retention', () => {
  test.each(READ_MODELS)('has the months of %s, if its tables have any', (what) => {
    const tables = read(`projections/${what}/tables.sql`);
    expect(RETAINED_READ_MODELS.some(({ name }) => name === what)).toBe(tables.includes('partition by range'));
  });
});

test('docker-compose.yml runs every fold', () => {
  const run = [...read('docker-compose.yml').matchAll(/'--roles', '([^']+)'/g)].flatMap(([, roles = '']) =>
    roles.split(','),
  );
  expect(names.filter((name) => !run.includes(name))).toEqual([]);
});

const OVERLAY = 'deploy/kubernetes/overlays/pulsar/readers/kustomization.yaml';

test.each(['docs/alerts.md', 'docs/operations.md', 'docs/pulsar.md', OVERLAY])(
  '%s: where it lists read models it lists them all',
  (file) => {
    const lists = read(file).match(LIST) ?? [];
    expect(lists.length).toBeGreaterThan(0);
    const lacking = lists.map((list) => ({ list, lacks: READ_MODELS.filter((name) => !wordsOf(list).has(name)) }));
    expect(lacking.filter(({ lacks }) => lacks.length > 0)).toEqual([]);
  },
);

test('docs/pulsar.md names every topic', () => {
  const text = read('docs/pulsar.md');
  expect(TOPICS.map(({ name }) => name).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
