/** The public views: they show the version in service, through the text that the version's own program has for them. */
import { createHash } from 'node:crypto';
import { OperatorError } from '../errors.ts';
import type { FoldId } from './checkpoints.ts';
import type { Database, Sql } from './database.ts';
import { detailOf, hasSqlState, isLockTimeout } from './errors.ts';
import { readViewGrants, restoreViewGrants } from './grants.ts';
import { readModelSql, schemaOf } from './schemas.ts';
import type { FoldRevision } from './schemas.ts';
import { quote } from './sql.ts';

/** Views of others read columns that the version to go to does not have as they are. */
class ViewsInUseError extends OperatorError {
  override readonly name = 'ViewsInUseError';
}

/**
 * Points the public views at one version, atomically: run it in a transaction. Rights that were granted on the views
 * stay. @throws {Error} there is no such version @throws {ViewsInUseError}
 */
export async function serve(tx: Sql, fold: FoldId): Promise<void> {
  const [before] = await tx.query<{ text: string | null }>(
    `update balde.projection set served = false where name = $1 and served returning views_sql as text`,
    [fold.name],
  );
  const [now] = await tx.query<{ text: string | null }>(
    `update balde.projection set served = true, served_at = clock_timestamp()
     where name = $1 and version = $2 returning views_sql as text`,
    [fold.name, fold.version],
  );
  if (now === undefined) throw new Error(`there is no version ${fold.version} of ${fold.name} to serve`);
  // A version from before the texts were kept is of this program's revision.
  const text = now.text ?? (await readModelSql(fold.name)).views;
  if (text !== null) await showViews(tx, fold, text, before?.text ?? '');
}

/**
 * Gives every version that this code writes the views of this code, and shows the one in service through them: an older
 * program made them. Whoever reads a view for long is not waited for, nor others made to: the next start tries again.
 */
export async function renewViews(database: Database, { name, revision }: FoldRevision, text: string): Promise<void> {
  try {
    await database.transaction(async (tx) => {
      await tx.execute(`set local lock_timeout = '2s'`);
      const old = await tx.query<{ version: number; isShown: boolean; text: string | null }>(
        `select version, served and views is distinct from $4 as "isShown", views_sql as text from balde.projection
         where name = $1 and revision = $2 and (views_sql is distinct from $3 or served and views is distinct from $4)
         for update`,
        [name, revision, text, digestOf(text)],
      );
      for (const { version, isShown, text: before } of old) {
        await tx.execute(`update balde.projection set views_sql = $3 where name = $1 and version = $2`, [
          ...[name, version, text],
        ]);
        if (isShown) await showViews(tx, { name, version }, text, before ?? '');
      }
    });
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** @param before text of the views that are there */
async function showViews(tx: Sql, fold: FoldId, text: string, before: string): Promise<void> {
  const grants = await readViewGrants(tx);
  await tx.execute(`set local search_path to ${quote(schemaOf(fold))}`);
  await replaceViews(tx, fold, text, before);
  await restoreViewGrants(tx, grants);
  await tx.execute(`update balde.projection set views = $3 where name = $1 and version = $2`, [
    ...[fold.name, fold.version, digestOf(text)],
  ]);
}

/**
 * Replaced in place as long as no column goes or changes its type: so views of others that read them stay. Otherwise
 * they are dropped and made again.
 */
async function replaceViews(tx: Sql, fold: FoldId, text: string, before: string): Promise<void> {
  const [old, wanted] = [viewsIn(before), viewsIn(text)];
  try {
    await tx.execute('savepoint replacing');
    await dropViews(
      tx,
      old.filter((view) => !wanted.includes(view)),
    );
    await tx.execute(text);
  } catch (error) {
    if (!hasSqlState(error, OTHER_COLUMNS)) throw explained(error, fold);
    await tx.execute('rollback to savepoint replacing');
    await dropViews(tx, [...new Set([...old, ...wanted])]).catch((reason: unknown) => {
      throw explained(reason, fold);
    });
    await tx.execute(text);
  }
}

/** SQLSTATE where a view that is replaced would lose a column, or one would change its name or type. */
const OTHER_COLUMNS = '42P16';
/** SQLSTATE where something else depends on what is to be dropped. */
const DEPENDED_ON = '2BP01';

/** Names of the public views that a text makes. */
const viewsIn = (text: string): string[] =>
  [...text.matchAll(/create (?:or replace )?view public\.(\w+)/gi)].map(([, name = '']) => name);

/** All at once: they may read each other. */
async function dropViews(tx: Sql, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await tx.execute(`drop view if exists ${names.map((name) => `public.${quote(name)}`).join(', ')}`);
}

function explained(error: unknown, { name, version }: FoldId): unknown {
  if (!hasSqlState(error, DEPENDED_ON)) return error;
  return new ViewsInUseError(
    `version ${version} of ${name} has views with other columns, and something else reads those of now: ` +
      `${detailOf(error) ?? ''}. Nothing was changed: drop what reads them, try again, then create it again`,
    { cause: error },
  );
}
