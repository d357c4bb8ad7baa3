/** Versions of the folds: each in a schema of its own. */
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Fold } from '../domain/fold.ts';
import { packageRoot } from '../packageRoot.ts';
import type { FoldId } from './checkpoints.ts';
import type { Sql } from './database.ts';
import { quote } from './sql.ts';

/** A fold's code, whichever versions there are of it in a database. */
export type FoldRevision = Pick<Fold<unknown, unknown, unknown>, 'name' | 'revision'>;

/** The version as which a fold is installed in a database that had none of it before, whatever its revision. */
export const firstVersionOf = ({ name }: Pick<FoldRevision, 'name'>): FoldId => ({ name, version: 1 });

export const schemaOf = ({ name, version }: FoldId): string => `${name}_v${version}`;

/** What the database has of a fold beside its states: the tables of a version, and the views on them. */
export interface ReadModelSql {
  readonly tables: string | null;
  readonly views: string | null;
}

/** As this program has it. A reactor has none. */
export async function readModelSql(name: string): Promise<ReadModelSql> {
  const read = async (file: string): Promise<string | null> => {
    const path = join(packageRoot, 'projections', name, file);
    return existsSync(path) ? await readFile(path, 'utf8') : null;
  };
  return { tables: await read('tables.sql'), views: await read('views.sql') };
}

/** The tables of a version, empty, in a schema of their own. */
export async function createSchema(tx: Sql, fold: FoldId, tables: string | null): Promise<void> {
  const schema = quote(schemaOf(fold));
  await tx.execute(`create schema ${schema}`);
  await tx.execute(`set local search_path to ${schema}`);
  await tx.execute(
    `create table fold_state (key text collate "C" primary key, state jsonb not null) with (fillfactor = 70)`,
  );
  if (tables !== null) await tx.execute(tables);
}
