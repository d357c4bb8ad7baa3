/**
 * What each SQLSTATE means for Balde: a table over all of PostgreSQL's (manual, appendix A) and of PgBouncer's, apart
 * for connecting and for working. A class (two characters) holds for all of its codes that have no entry of their own.
 * The text of an error decides nothing: it differs between versions, languages and poolers.
 */

/**
 * - `retry`: passes by itself, or once somebody has mended it: waited for, nothing is lost.
 * - `refused`: retried by what runs (a password is being replaced, a database restored); at a start it ends.
 * - `data`: the values are refused: the same ones fail again, others need not. They go to the dead letters.
 * - `end`: the database is not as this program needs it; the process ends with what to do.
 * - `defect`: a statement that should not have been sent, or an answer that should not come.
 */
export type Reaction = 'retry' | 'refused' | 'data' | 'end' | 'defect';

/** Connecting is over when the session's settings are made; everything after it is working. */
export type Doing = 'connecting' | 'working';

export interface Meaning {
  readonly reaction: Reaction;
  /** What a person can do; `null` where waiting is all. */
  readonly advice: string | null;
}

const meaning = (reaction: Reaction, advice: string | null = null): Meaning => ({ reaction, advice });

const LOGIN = 'Check user and password in DATABASE_URL, and that pg_hba.conf lets this user in from this machine.';
const POOLER =
  'If a pooler is in between: it must know the database and the user of DATABASE_URL, have a free server connection (default_pool_size, max_client_conn) and reach the server; its log says more. DATABASE_URL must carry no options that it does not know.';
const SERVER_LOG = "The server's log says more.";
const PRIMARY =
  'The server takes no writes: it is a standby, or it was set to read only. DATABASE_URL must lead to the primary; default_transaction_read_only must be off.';
const CONNECTIONS =
  "The server, or this user, has no connection left: raise max_connections or the user's CONNECTION LIMIT, or close others.";
const DISK = 'The disk of the database server is full: make room.';
const RESOURCES = 'The database server is short of memory or of another resource: see its log.';
const CREATE_DATABASE = 'Create the database, or name another one in DATABASE_URL.';
const MIGRATE =
  'The tables are not those of this program: run balde migrate, and run one version of Balde on a database.';
const RIGHTS =
  'The user of DATABASE_URL must own the tables of Balde and be allowed to create schemas in this database.';
const CONNECT_RIGHT = 'The user of DATABASE_URL needs the right CONNECT on this database.';
const PREPARED =
  'Prepared statements are lost between statements: a pooler in between has to pool sessions (PgBouncer: pool_mode = session).';

const DEFECT = meaning('defect');
const PASSES = meaning('retry');

const BY_CLASS: Readonly<Record<string, Meaning>> = {
  '00': DEFECT, // successful completion
  '01': DEFECT, // warning
  '02': DEFECT, // no data
  '03': DEFECT, // SQL statement not yet complete
  '08': meaning('retry', SERVER_LOG), // connection exception
  '09': DEFECT, // triggered action exception
  '0A': meaning('end', 'Balde needs a PostgreSQL server of version 15 or later.'), // feature not supported
  '0B': DEFECT, // invalid transaction initiation
  '0F': DEFECT, // locator exception
  '0L': DEFECT, // invalid grantor
  '0P': DEFECT, // invalid role specification
  '0Z': DEFECT, // diagnostics exception
  '10': DEFECT, // XQuery error
  '20': DEFECT, // case not found
  '21': DEFECT, // cardinality violation
  '22': meaning('data'), // data exception: out of range, wrong text for the type, a character that can't be stored
  '23': meaning('data'), // integrity constraint violation
  '24': DEFECT, // invalid cursor state
  '25': DEFECT, // invalid transaction state
  '26': meaning('retry', PREPARED), // invalid SQL statement name
  '27': DEFECT, // triggered data change violation
  '28': meaning('end', LOGIN), // invalid authorization
  '2B': DEFECT, // dependent privilege descriptors still exist
  '2D': DEFECT, // invalid transaction termination
  '2F': DEFECT, // SQL routine exception
  '34': DEFECT, // invalid cursor name
  '38': DEFECT, // external routine exception
  '39': DEFECT, // external routine invocation exception
  '3B': DEFECT, // savepoint exception
  '3D': meaning('end', CREATE_DATABASE), // invalid catalog name
  '3F': meaning('end', MIGRATE), // invalid schema name
  '40': PASSES, // transaction rollback: serialization failure, deadlock
  '42': DEFECT, // syntax error or access rule violation
  '44': meaning('data'), // WITH CHECK OPTION violation
  '53': meaning('retry', RESOURCES), // insufficient resources
  '54': meaning('data'), // program limit exceeded: a row or an index entry too large
  '55': DEFECT, // object not in prerequisite state
  '57': PASSES, // operator intervention: shutdown, crash, cancelled
  '58': meaning('retry', SERVER_LOG), // system error outside PostgreSQL
  '72': PASSES, // snapshot failure
  F0: DEFECT, // configuration file error
  HV: DEFECT, // foreign data wrapper error
  P0: DEFECT, // PL/pgSQL error
  XX: meaning('end', `An internal error of the database server. ${SERVER_LOG}`),
};

const BY_CODE: Readonly<Record<string, Meaning>> = {
  // PgBouncer's code for all that it says itself.
  '08P01': meaning('retry', POOLER),
  '25006': meaning('retry', PRIMARY), // connected to a standby in the middle of a failover
  '25P03': PASSES, // idle in transaction too long: this process was paused and the server gave its locks away
  '25P04': PASSES, // transaction too long
  '42501': meaning('end', RIGHTS), // insufficient privilege
  '42703': meaning('end', MIGRATE), // undefined column
  '42704': meaning('end', MIGRATE), // undefined object
  '42883': meaning('end', MIGRATE), // undefined function
  '42P01': meaning('end', MIGRATE), // undefined table
  '42P05': meaning('retry', PREPARED), // duplicate prepared statement
  '53100': meaning('retry', DISK),
  '53300': meaning('retry', CONNECTIONS),
  '55006': PASSES, // object in use
  '55P03': PASSES, // lock not available
  '57P04': meaning('retry', 'The database was dropped: restore it, or name another one in DATABASE_URL.'),
};

/** Until a session is there, no statement and no value of Balde's can be at fault: everything may pass. */
const CONNECTING: Readonly<Record<string, Meaning>> = {
  '0A': meaning('refused', 'Balde needs a PostgreSQL server of version 15 or later.'),
  '22': meaning('refused', 'A setting in DATABASE_URL has a value that the server does not take.'),
  '28': meaning('refused', LOGIN),
  '3D': meaning('refused', CREATE_DATABASE),
  '42501': meaning('refused', CONNECT_RIGHT),
  '42704': meaning('refused', 'DATABASE_URL sets something that the server does not know.'),
  '55': meaning('retry', `The database takes no connections (ALLOW_CONNECTIONS). ${SERVER_LOG}`),
  '55P02': meaning('refused', 'DATABASE_URL sets something that can only be set when the server starts.'),
};

/** @param code SQLSTATE; `undefined` where the server gave none */
export function meaningOf(code: string | undefined, doing: Doing): Meaning {
  const state = code ?? '';
  const family = state.slice(0, 2);
  if (doing === 'connecting') {
    const own = CONNECTING[state] ?? CONNECTING[family];
    if (own !== undefined) return own;
    const { reaction, advice } = BY_CODE[state] ?? BY_CLASS[family] ?? DEFECT;
    return reaction === 'retry' ? { reaction, advice } : meaning('retry', SERVER_LOG);
  }
  return BY_CODE[state] ?? BY_CLASS[family] ?? DEFECT;
}

/** Classes with an entry. */
export const KNOWN_CLASSES: ReadonlySet<string> = new Set(Object.keys(BY_CLASS));
