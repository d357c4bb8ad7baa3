/** Locks between processes of Balde, which nobody else can take: on rows of a table that only its owner may lock. */
import type { Sql } from './database.ts';

/** - `install`: read models and the reader's rights are made. - `partitions`: those of history are made or dropped. */
export type LockName = 'install' | 'partitions';

/** Waits until the lock is free, and holds it until the transaction ends. */
export async function lock(tx: Sql, name: LockName): Promise<void> {
  await tx.execute('insert into balde.lock (name) values ($1) on conflict do nothing', [name]);
  await tx.query('select from balde.lock where name = $1 for update', [name]);
}
