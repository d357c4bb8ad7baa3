/** A fold is listed once; what else names the folds is held to that list. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { ROLES } from '../../src/config/roles.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { FOLDS, foldOf, READ_MODELS, REBUILDABLE, RETAINED_READ_MODELS } from '../../src/topology/folds.ts';

const names = FOLDS.map(({ name }) => name);

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
    const tables = readFileSync(join(packageRoot, 'projections', what, 'tables.sql'), 'utf8');
    expect(RETAINED_READ_MODELS.some(({ name }) => name === what)).toBe(tables.includes('partition by range'));
  });
});

test('docker-compose.yml runs every fold', () => {
  const compose = readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8');
  const run = [...compose.matchAll(/'--roles', '([^']+)'/g)].flatMap(([, roles = '']) => roles.split(','));
  expect(names.filter((name) => !run.includes(name))).toEqual([]);
});
