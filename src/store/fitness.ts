/**
 * What Balde depends on in a session and its server: settings are made after connecting, whatever role, database, URL
 * or pooler say, and what can't be set is asked. One round trip per connection.
 *
 * Not as startup parameters: a pooler refuses or drops those, and `options` in the URL would replace them.
 */
import type pg from 'pg';
import { DatabaseUnavailableError, UnfitDatabaseError } from './errors.ts';
import { meaningOf } from './sqlStates.ts';

/** Nothing that Balde does inside a transaction leaves the server waiting so long. Milliseconds. */
export const MAX_IDLE_MS = 30_000;

/** A setting that a server is too old to know is left out. */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  // How values are read and written.
  timezone: 'UTC',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  client_encoding: 'UTF8',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  // Which tables are meant, and who may see their rows.
  search_path: 'public',
  row_security: 'on',
  default_table_access_method: 'heap',
  // What a transaction is.
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  exit_on_error: 'off',
  // Balde has limits of its own, and sessions that listen are idle for days.
  statement_timeout: '0',
  lock_timeout: '0',
  transaction_timeout: '0',
  idle_session_timeout: '0',
  // From the server's side: a process that was paused or cut off must not hold its locks for ever.
  idle_in_transaction_session_timeout: String(MAX_IDLE_MS),
  tcp_keepalives_idle: '60',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '6',
};

const OLDEST_VERSION = 15;

interface Found {
  readonly version: number;
  readonly encoding: string;
  readonly replication_role: string;
  readonly has_public: boolean;
  readonly read_only: boolean;
  readonly pid: number;
}

/** Commits wait for the disk unless asked otherwise; `remote_write` and the like are the administrator's to choose. */
const QUESTION = `
  select current_setting('server_version_num')::integer as version,
    current_setting('server_encoding') as encoding,
    current_setting('session_replication_role') as replication_role,
    to_regnamespace('public') is not null as has_public,
    pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as read_only,
    pg_backend_pid() as pid,
    case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', false) end,
    (select count(set_config(name, value, false)) from unnest($1::text[], $2::text[]) wanted (name, value)
     where current_setting(name, true) is not null or name like '%.%')`;

export interface Demands {
  /** Made in addition to, and instead of, {@link SESSION_SETTINGS}. */
  readonly settings: Readonly<Record<string, string>>;
  /** Reading works on a standby too. */
  readonly mustWrite: boolean;
  /** An answer that takes longer counts as none. Milliseconds. */
  readonly patienceMs: number;
}

/**
 * Makes the settings of a new session and looks at the server.
 * @returns the server's process, as it says itself
 * @throws {UnfitDatabaseError} Balde can't work on this database
 * @throws {DatabaseUnavailableError} it takes no writes now
 */
export async function makeFit(client: pg.ClientBase, demands: Demands): Promise<number> {
  const settings = { ...SESSION_SETTINGS, ...demands.settings };
  // A time-out of the query's own, which pg takes and its types don't know.
  const asked: pg.QueryConfig & { readonly query_timeout: number } = {
    text: QUESTION,
    values: [Object.keys(settings), Object.values(settings)],
    query_timeout: demands.patienceMs,
  };
  const [found] = (await client.query<Found & pg.QueryResultRow>(asked)).rows;
  if (found === undefined) throw new DatabaseUnavailableError('the server gave an empty answer');
  for (const { holds, what, advice } of PRECONDITIONS)
    if (!holds(found)) throw new UnfitDatabaseError(what(found), advice);
  if (demands.mustWrite && found.read_only)
    throw new DatabaseUnavailableError('the database takes no writes', meaningOf('25006', 'working'));
  return found.pid;
}

interface Precondition {
  readonly holds: (found: Found) => boolean;
  readonly what: (found: Found) => string;
  readonly advice: string;
}

const PRECONDITIONS: readonly Precondition[] = [
  {
    holds: ({ version }) => version >= OLDEST_VERSION * 10_000,
    what: ({ version }) => `the database server is PostgreSQL ${Math.floor(version / 10_000)}`,
    advice: `Balde needs PostgreSQL ${OLDEST_VERSION} or later.`,
  },
  {
    holds: ({ encoding }) => encoding === 'UTF8',
    what: ({ encoding }) => `the encoding of the database is ${encoding}, which can't hold every name of a policy`,
    advice: "Create the database with encoding UTF8: create database … encoding 'UTF8' template template0.",
  },
  {
    holds: ({ has_public }) => has_public,
    what: () => 'the database has no schema public, where the views are',
    advice: 'Create it: create schema public.',
  },
  {
    holds: ({ replication_role }) => replication_role === 'origin',
    what: ({ replication_role }) =>
      `session_replication_role is ${replication_role}: constraints between tables would not hold`,
    advice: 'Reset it where it is set: alter role … reset session_replication_role, or alter database … reset.',
  },
];
