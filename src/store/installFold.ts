/** Installs the versions that this program writes. */
import type { FoldKind } from '../domain/fold.ts';
import type { Database } from './database.ts';
import { lock } from './locks.ts';
import { createSchema, readModelSql } from './schemas.ts';
import type { FoldRevision, ReadModelSql } from './schemas.ts';
import { renewViews, serve } from './views.ts';

type InstalledFold = FoldRevision & { readonly kind: FoldKind };

/**
 * Makes sure that a version exists which this code keeps up to date and, if none of the fold is served yet, puts it in
 * service. Beside a read model of another revision none is made: a rebuild makes it, whole. Several processes may try
 * at once.
 */
export async function installFold(database: Database, fold: InstalledFold, sql?: ReadModelSql): Promise<void> {
  const { tables, views } = sql ?? (await readModelSql(fold.name));
  await database.transaction(async (tx) => {
    await lock(tx, 'install');
    const known = await tx.query<{ version: number; revision: number; state: string; served: boolean }>(
      `select version, revision, state, served from balde.projection where name = $1`,
      [fold.name],
    );
    if (known.some(({ revision, state }) => revision === fold.revision && state === 'live')) return;
    const isServed = known.some(({ served }) => served);
    if (isServed && fold.kind === 'projection') return;
    const version = 1 + Math.max(0, ...known.map((one) => one.version));
    const id = { name: fold.name, version };
    await tx.execute(
      `insert into balde.projection (name, version, served, revision, views_sql) values ($1, $2, false, $3, $4)`,
      [id.name, id.version, fold.revision, views],
    );
    await createSchema(tx, id, tables);
    if (!isServed) await serve(tx, id);
  });
  if (views !== null) await renewViews(database, fold, views);
}
