/** Versions of the folds: each in a schema of its own, the public views on the one in service. */
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../packageRoot.ts';
import type { FoldId } from './checkpoints.ts';
import type { Database, Sql } from './database.ts';
import { readViewGrants, restoreViewGrants } from './grants.ts';

export const schemaOf = ({ name, version }: FoldId): string => `${name}_v${version}`;

/**
 * Creates the fold's schema unless it exists and, if no version of the fold is served yet, puts this one in service.
 * Several processes may try at once.
 */
export async function installFold(database: Database, fold: FoldId): Promise<void> {
  const folder = join(packageRoot, 'projections', fold.name);
  const tables = await readSql(join(folder, 'tables.sql'));
  await database.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('balde.install'))`);
    const [known] = await tx.query(`select from balde.projection where name = $1 and version = $2`, [
      fold.name,
      fold.version,
    ]);
    if (known !== undefined) return;
    const schema = schemaOf(fold);
    await tx.execute(`create schema "${schema}"`);
    await tx.execute(`set local search_path to "${schema}"`);
    await tx.execute(
      `create table fold_state (key text collate "C" primary key, state jsonb not null) with (fillfactor = 70)`,
    );
    if (tables !== null) await tx.execute(tables);
    const [served] = await tx.query(`select from balde.projection where name = $1 and served`, [fold.name]);
    await tx.execute(`insert into balde.projection (name, version, served) values ($1, $2, false)`, [
      fold.name,
      fold.version,
    ]);
    if (served === undefined) await serve(tx, fold);
  });
}

/**
 * Points the public views at one version, atomically: run it in a transaction. Rights that were granted on the views
 * stay. @throws {Error} there is no such version
 */
export async function serve(tx: Sql, fold: FoldId): Promise<void> {
  const views = await readSql(join(packageRoot, 'projections', fold.name, 'views.sql'));
  await tx.execute(`update balde.projection set served = false where name = $1 and served`, [fold.name]);
  const marked = await tx.execute(
    `update balde.projection set served = true where name = $1 and version = $2`,
    [fold.name, fold.version],
  );
  if (marked === 0) throw new Error(`there is no version ${fold.version} of ${fold.name} to serve`);
  if (views === null) return;
  const grants = await readViewGrants(tx);
  await tx.execute(`set local search_path to "${schemaOf(fold)}"`);
  await tx.execute(views);
  await restoreViewGrants(tx, grants);
}

async function readSql(file: string): Promise<string | null> {
  return existsSync(file) ? await readFile(file, 'utf8') : null;
}
