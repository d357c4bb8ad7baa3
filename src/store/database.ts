/** The database: the one place that knows `pg`. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { Clients } from './client.ts';
import type { Address } from './client.ts';
import { CheckpointConflictError, DatabaseUnavailableError, isConnectionLost, translate } from './errors.ts';
import { MAX_IDLE_MS } from './fitness.ts';

/** What a query may be given. Arrays become Postgres arrays. */
export type Parameter = string | number | boolean | null | Buffer | readonly Parameter[];

export type Row = Record<string, unknown>;

/** Runs statements: the database itself (each on its own) or a transaction. */
export interface Sql {
  /**
   * Rows of a statement. `timestamptz` comes as milliseconds since 1970, `bigint` as number.
   * @throws {UnreadableValueError} a value can't be told so: it names column and value
   * @param name makes it a statement that each connection prepares once; it stands for one text only
   */
  query<R extends object = Row>(text: string, parameters?: readonly Parameter[], name?: string): Promise<R[]>;
  /** Rows a statement touched. */
  execute(text: string, parameters?: readonly Parameter[]): Promise<number>;
  /** Runs `COPY … FROM STDIN` over chunks of what it reads, in the format that the statement names. */
  copy(statement: string, chunks: Iterable<string | Uint8Array>): Promise<void>;
}

export interface Database extends Sql {
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. What `work` throws comes
   * out as it is.
   * @throws {DatabaseUnavailableError} retry the whole; the commit may or may not have happened.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  /** A connection of its own, for LISTEN and leases; ends with `close` or a failure. */
  session(): Promise<Session>;
  close(): Promise<void>;
}

export interface Session extends Sql {
  /** Called for each notification of a channel that the session listens to. */
  onNotification(handler: (channel: string, payload: string) => void): void;
  /** Called once when the connection is gone, by whatever cause. */
  onEnd(handler: () => void): void;
  close(): Promise<void>;
}

export interface DatabaseOptions extends Address {
  /** Most connections of the pool, sessions not counted. */
  readonly poolSize?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** Extra settings of every session, e.g. `{ synchronous_commit: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A server that takes no writes, such as a standby, counts as away. */
  readonly mustWrite?: boolean;
  /** A statement that takes longer counts as a broken connection: a peer gone silent must not block for ever. */
  readonly statementTimeoutMs?: number;
}

export function clientsOf(options: DatabaseOptions): Clients {
  const { url, urlFile, applicationName = 'balde', statementTimeoutMs = 300_000, mustWrite = false } = options;
  return new Clients({
    url,
    ...(urlFile === undefined ? {} : { urlFile }),
    applicationName,
    statementTimeoutMs,
    mustWrite,
    patienceMs: Math.min(MAX_ANSWER_MS, statementTimeoutMs),
    settings: {
      idle_in_transaction_session_timeout: String(Math.min(MAX_IDLE_MS, statementTimeoutMs)),
      ...options.settings,
    },
  });
}

/** How long a new connection may take to be made and to answer once. Milliseconds. */
const MAX_ANSWER_MS = 10_000;

export function openDatabase(options: DatabaseOptions): Database {
  const clients = clientsOf(options);
  const max = options.poolSize ?? 8;
  const pool = new pg.Pool({
    Client: clients.constructorForPool,
    max,
    // Longer than polls lie apart: an alert does not wait for a connection to be made.
    idleTimeoutMillis: 900_000,
    connectionTimeoutMillis: MAX_ANSWER_MS,
  });
  // An idle connection that breaks is replaced at the next use; without a handler it would end the process.
  pool.on('error', () => undefined);
  const lendOne: Lender = async (use) => {
    // A connection that is there needs no address.
    if (pool.idleCount === 0) await clients.locate();
    const client = await pool.connect().catch((error: unknown) => {
      const translated = translate(error, 'connecting');
      // An error of the pool's own: nothing is wrong with the database as far as anybody knows.
      throw translated !== error && pool.totalCount >= max ? busy(max, error) : translated;
    });
    return await lend(client, use);
  };
  let closed: Promise<void> | undefined;
  return {
    ...sqlOf(lendOne),
    transaction: async (work) => await lendOne(async (client) => await inTransaction(client, work)),
    session: async () => {
      await clients.locate();
      return await openSession(clients.make());
    },
    close: async () => {
      closed ??= pool.end();
      await closed;
    },
  };
}

const busy = (max: number, cause: unknown): DatabaseUnavailableError =>
  new DatabaseUnavailableError(`all ${max} connections of this process are in use or just being made`, {
    cause,
  });

type Lender = <T>(use: (client: LentClient) => Promise<T>) => Promise<T>;
type LentClient = pg.ClientBase;

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}

/**
 * Uses a pooled client. It goes back to the pool only if all went well or the server itself refused something: after
 * any other error the connection may be broken, or the client be wrong about which statements it has prepared.
 */
async function lend<T>(client: pg.PoolClient, use: (client: LentClient) => Promise<T>): Promise<T> {
  let broken = false;
  try {
    return await use(client);
  } catch (error) {
    broken = !(error instanceof pg.DatabaseError || error instanceof CheckpointConflictError);
    throw error;
  } finally {
    client.release(broken);
  }
}

async function inTransaction<T>(client: LentClient, work: (tx: Sql) => Promise<T>): Promise<T> {
  const run = async (text: string) => await translated(async () => await client.query(text));
  await run('begin');
  try {
    const result = await work(sqlOf(async (use) => await use(client)));
    // A transaction in which a statement failed ends with ROLLBACK, whatever is asked for and without an error.
    if ((await run('commit')).command !== 'COMMIT') throw new Error('the transaction was rolled back');
    return result;
  } catch (error) {
    // A broken connection rolls back by itself; asking a silent one to would only wait once more.
    if (isConnectionLost(error)) throw error;
    await run('rollback').catch(() => {
      throw new DatabaseUnavailableError('the connection broke during a rollback', { cause: error });
    });
    throw error;
  }
}

function sqlOf(lender: Lender): Sql {
  const run = async (query: pg.QueryConfig) =>
    await lender(async (client) => await translated(async () => client.query<Row>(query)));
  return {
    query: async <R extends object>(text: string, parameters: readonly Parameter[] = [], name?: string) =>
      (await run({ text, values: [...parameters], ...(name === undefined ? {} : { name }) })).rows as R[],
    execute: async (text, parameters = []) => (await run({ text, values: [...parameters] })).rowCount ?? 0,
    copy: async (statement, chunks) => {
      await lender(async (client) => {
        const source = Readable.from(chunks, { objectMode: false });
        await translated(async () => pipeline(source, client.query(copyFrom(statement))));
      });
    },
  };
}

/** How long a peer may take to say goodbye before the connection is cut. Milliseconds. */
const GOODBYE_MS = 2_000;

async function openSession(client: pg.Client): Promise<Session> {
  let ended = false;
  const endHandlers: (() => void)[] = [];
  const end = (): void => {
    if (ended) return;
    ended = true;
    for (const handler of endHandlers) handler();
  };
  const close = async (): Promise<void> => {
    end();
    const cut = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS);
    await client.end().catch(() => undefined);
    clearTimeout(cut);
  };
  client.on('error', end);
  client.on('end', end);
  await client.connect();
  // One statement at a time: the callers of a session don't know of each other.
  let last: Promise<unknown> = Promise.resolve();
  const sql = sqlOf(async (use) => {
    const turn = last.then(async () => await use(client));
    last = turn.catch(async (error: unknown) => {
      // A statement that got no answer would block all that follow: the session is over.
      if (isConnectionLost(error)) await close();
    });
    return await turn;
  });
  return {
    ...sql,
    onNotification: (handler) => {
      client.on('notification', (message) => handler(message.channel, message.payload ?? ''));
    },
    onEnd: (handler) => {
      if (ended) handler();
      else endHandlers.push(handler);
    },
    close,
  };
}
