/** Versions of the folds: each in a schema of its own, the public views on the one in service. */
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { packageRoot } from '../packageRoot.ts';
import type { FoldId } from './checkpoints.ts';
import type { Database, Sql } from './database.ts';
import { isLockTimeout } from './errors.ts';
import { readViewGrants, restoreViewGrants } from './grants.ts';
import { lock } from './locks.ts';

export const schemaOf = ({ name, version }: FoldId): string => `${name}_v${version}`;

/**
 * Makes sure that a version exists which this code keeps up to date and, if none of the fold is served yet, puts it in
 * service. Several processes may try at once.
 */
export async function installFold(database: Database, fold: FoldId): Promise<void> {
  await database.transaction(async (tx) => {
    await lock(tx, 'install');
    const known = await tx.query<{ version: number; revision: number; state: string; served: boolean }>(
      `select version, revision, state, served from balde.projection where name = $1`,
      [fold.name],
    );
    if (known.some(({ revision, state }) => revision === fold.version && state === 'live')) return;
    const id = {
      name: fold.name,
      version: Math.max(fold.version, ...known.map(({ version }) => version + 1)),
    };
    await tx.execute(`insert into balde.projection (name, version, served, revision) values ($1, $2, false, $3)`, [
      id.name,
      id.version,
      fold.version,
    ]);
    await createSchema(tx, id);
    if (!known.some(({ served }) => served)) await serve(tx, id);
  });
  await renewViews(database, fold);
}

/**
 * Shows the served version, if this code writes it, through the views of this code: an older program made them when it
 * put the version in service. Whoever reads a view for long is not waited for, nor others made to: the next start tries
 * again.
 */
async function renewViews(database: Database, fold: FoldId): Promise<void> {
  const views = await readViews(fold);
  if (views === null) return;
  try {
    await database.transaction(async (tx) => {
      await tx.execute(`set local lock_timeout = '2s'`);
      const [served] = await tx.query<{ version: number }>(
        `select version from balde.projection
         where name = $1 and served and revision = $2 and views is distinct from $3 for update`,
        [fold.name, fold.version, views.digest],
      );
      if (served !== undefined) await showViews(tx, { name: fold.name, version: served.version }, views);
    });
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
  }
}

/** The tables of a version, empty, in a schema of their own. */
export async function createSchema(tx: Sql, fold: FoldId): Promise<void> {
  const tables = await readSql(join(packageRoot, 'projections', fold.name, 'tables.sql'));
  const schema = schemaOf(fold);
  await tx.execute(`create schema "${schema}"`);
  await tx.execute(`set local search_path to "${schema}"`);
  await tx.execute(
    `create table fold_state (key text collate "C" primary key, state jsonb not null) with (fillfactor = 70)`,
  );
  if (tables !== null) await tx.execute(tables);
}

/**
 * Points the public views at one version, atomically: run it in a transaction. Rights that were granted on the views
 * stay. @throws {Error} there is no such version
 */
export async function serve(tx: Sql, fold: FoldId): Promise<void> {
  await tx.execute(`update balde.projection set served = false where name = $1 and served`, [fold.name]);
  const marked = await tx.execute(
    `update balde.projection set served = true, served_at = clock_timestamp() where name = $1 and version = $2`,
    [fold.name, fold.version],
  );
  if (marked === 0) throw new Error(`there is no version ${fold.version} of ${fold.name} to serve`);
  const views = await readViews(fold);
  if (views !== null) await showViews(tx, fold, views);
}

interface Views {
  readonly text: string;
  readonly digest: string;
}

async function showViews(tx: Sql, fold: FoldId, { text, digest }: Views): Promise<void> {
  const grants = await readViewGrants(tx);
  await tx.execute(`set local search_path to "${schemaOf(fold)}"`);
  await tx.execute(text);
  await restoreViewGrants(tx, grants);
  await tx.execute(`update balde.projection set views = $3 where name = $1 and version = $2`, [
    fold.name,
    fold.version,
    digest,
  ]);
}

async function readViews({ name }: FoldId): Promise<Views | null> {
  const text = await readSql(join(packageRoot, 'projections', name, 'views.sql'));
  return text === null ? null : { text, digest: createHash('sha256').update(text).digest('hex') };
}

async function readSql(file: string): Promise<string | null> {
  return existsSync(file) ? await readFile(file, 'utf8') : null;
}
