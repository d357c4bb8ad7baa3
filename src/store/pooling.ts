/**
 * Whether a pooler keeps a connection on one session of the server, as Balde needs it: settings, LISTEN and leases live
 * in sessions. With PgBouncer's pool_mode = transaction all of it seems to work and quietly does not.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { within } from '../waiting.ts';
import { UnfitDatabaseError } from './errors.ts';

/** How long a notification may take. Milliseconds. */
const MAX_WAY_MS = 5_000;

const ADVICE =
  'Let the pooler pool sessions for this database (PgBouncer: pool_mode = session), or let DATABASE_URL lead to the server itself.';

/** A direct connection is told the number of the process that serves it; a pooler makes up numbers of its own. */
export function isPooled(client: pg.ClientBase, pid: number): boolean {
  const { processID } = client as unknown as { readonly processID: number | null };
  return processID !== pid;
}

/**
 * @param client a new connection that nobody uses yet
 * @param open another connection to the same database
 * @throws {UnfitDatabaseError} its statements are spread over several sessions, or notifications don't arrive
 */
export async function assertSessions(client: pg.ClientBase, open: () => Promise<pg.Client>): Promise<void> {
  const channel = `balde_pooling_${randomBytes(8).toString('hex')}`;
  let arrived = (): void => undefined;
  const heard = new Promise<boolean>((resolve) => (arrived = () => resolve(true)));
  const listener = (message: pg.Notification): void => {
    if (message.channel === channel) arrived();
  };
  client.on('notification', listener);
  const other = await open();
  try {
    await client.query(`listen ${channel}`);
    // While the transaction is open its session is taken: whoever is served by turns is served by another one.
    await beginTransaction(other);
    if (await listens(other, channel)) throw spread();
    if (!(await listens(client, channel))) throw spread();
    await other.query(`select pg_notify('${channel}', '')`);
    await other.query('commit');
    if (!(await within(MAX_WAY_MS, heard, () => false)))
      throw new UnfitDatabaseError('the pooler before the database does not pass notifications on', ADVICE);
    await client.query(`unlisten ${channel}`);
  } finally {
    client.removeListener('notification', listener);
    await other.end().catch(() => undefined);
  }
}

/** A pooler that pools statements refuses transactions. */
async function beginTransaction(client: pg.ClientBase): Promise<void> {
  await client.query('begin').catch((error: unknown) => {
    throw error instanceof pg.DatabaseError && error.code === '08P01' ? spread({ cause: error }) : error;
  });
}

const listens = async (client: pg.ClientBase, channel: string): Promise<boolean> =>
  (
    await client.query<{ listens: boolean }>(
      `select exists (select from pg_listening_channels() c where c = '${channel}') as listens`,
    )
  ).rows[0]?.listens === true;

const spread = (options?: ErrorOptions): UnfitDatabaseError =>
  new UnfitDatabaseError(
    "the pooler before the database spreads a connection's statements over several sessions",
    ADVICE,
    options,
  );
