/** Connections: where to is read anew for each of them, and nobody gets one that is not fit. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { DatabaseUnavailableError, translate } from './errors.ts';
import { makeFit } from './fitness.ts';
import type { Demands } from './fitness.ts';
import { assertSessions, isPooled } from './pooling.ts';
import { typesFor } from './values.ts';
import type { Field } from './values.ts';

/** A connection string, or who knows it at the moment: asked whenever a connection is made. */
export type DatabaseUrl = string | (() => string | Promise<string>);

export const currentUrl = async (url: DatabaseUrl): Promise<string> => (typeof url === 'string' ? url : await url());

export interface Address {
  /** Of a file, what it held at the start. */
  readonly url: DatabaseUrl;
  /** File with the connection string: read for each connection, so that a password may be replaced while Balde runs. */
  readonly urlFile?: string;
}

export interface ClientOptions extends Address, Demands {
  readonly applicationName: string;
  /** A statement without an answer for so long fails. Milliseconds. */
  readonly statementTimeoutMs: number;
}

/** Milliseconds. */
const CONNECT_MS = 10_000;
/** A pooler that was found right is not asked again for so long. Milliseconds. */
const POOLING_HOLDS_MS = 60_000;

/** Makes connections to one database, and remembers what they found out about a pooler. */
export class Clients {
  readonly #options: ClientOptions;
  #url = '';
  #pooling: Promise<void> | null = null;
  #poolingAskedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Asks for the address again; the clients made from now on go there. */
  async locate(): Promise<void> {
    try {
      this.#url = await currentUrl(this.#options.url);
    } catch (error) {
      throw translate(error, 'connecting');
    }
  }

  /** For a pool: each `new` is one that connects as {@link make}'s do. */
  get constructorForPool(): new () => pg.Client {
    const make = (): pg.Client => this.make();
    function Made(): pg.Client {
      return make();
    }
    return Made as unknown as new () => pg.Client;
  }

  /**
   * One that is not connected yet: `connect` resolves when it is fit. What is wrong with the address is told then too:
   * a pool may make clients at any time, when nobody would catch it.
   */
  make(): pg.Client {
    return this.#make(this.#options.statementTimeoutMs, async (client) => await this.#prove(client));
  }

  #make(statementTimeoutMs: number, prove: Prove): pg.Client {
    const common: pg.ClientConfig = {
      application_name: this.#options.applicationName,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: statementTimeoutMs,
      keepAlive: true,
    };
    try {
      // It reads the files that sslrootcert, sslcert and sslkey name, each time.
      return new FitClient({ connectionString: this.#currentUrl(), ...common }, prove);
    } catch (error) {
      const problem = unusable(error, this.#options);
      return new FitClient(common, prove, problem);
    }
  }

  #currentUrl(): string {
    const { urlFile } = this.#options;
    return urlFile === undefined ? this.#url : readUrlFile(urlFile);
  }

  async #prove(client: pg.Client): Promise<void> {
    const pid = await makeFit(client, this.#options);
    if (!isPooled(client, pid)) return;
    if (performance.now() - this.#poolingAskedAt > POOLING_HOLDS_MS) {
      this.#poolingAskedAt = performance.now();
      this.#pooling = assertSessions(client, async () => await this.#plain());
      this.#pooling.catch(() => (this.#poolingAskedAt = Number.NEGATIVE_INFINITY));
    }
    await this.#pooling;
  }

  /** Beside the one that is being proved. */
  async #plain(): Promise<pg.Client> {
    const client = this.#make(CONNECT_MS, async () => Promise.resolve());
    await client.connect();
    return client;
  }
}

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);
type Prove = (client: pg.Client) => Promise<void>;

class FitClient extends pg.Client {
  readonly #prove: Prove;
  readonly #unusable: DatabaseUnavailableError | null;

  constructor(config: pg.ClientConfig, prove: Prove, unusable: DatabaseUnavailableError | null = null) {
    const fields = { all: [] as readonly Field[], next: 0 };
    super({ ...config, types: typesFor(() => fields.all[fields.next++] ?? { name: '?' }) });
    this.#unusable = unusable;
    this.#prove = prove;
    // Before the client's own, which asks for the parser of each of them.
    this.connection.on('rowDescription', (message: { readonly fields: readonly Field[] }) => {
      fields.all = message.fields;
      fields.next = 0;
    });
    // For good, and from the first moment on: a connection may break between two statements, and even in the very
    // packet that completes it, before whoever asked for it has it. The next statement fails with the same cause.
    this.on('error', () => undefined);
  }

  /** A pool gives a callback. */
  override connect(): Promise<pg.Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.Client> | undefined {
    const connecting = this.#connectFit();
    if (callback === undefined) return connecting;
    const told = callback as (error: unknown, client?: pg.Client) => void;
    connecting.then(
      () => told(null, this),
      (error: unknown) => told(error),
    );
    return undefined;
  }

  async #connectFit(): Promise<pg.Client> {
    if (this.#unusable !== null) throw this.#unusable;
    try {
      await super.connect();
      await this.#prove(this);
      return this;
    } catch (error) {
      this.connection.stream.destroy();
      throw translate(error, 'connecting');
    }
  }
}

function readUrlFile(urlFile: string): string {
  const held = readFileSync(urlFile, 'utf8').trim();
  if (/^postgres(ql)?:\/\/[^/]/.test(held) && URL.canParse(held)) return held;
  throw new DatabaseUnavailableError(`${urlFile} holds no connection string`, {
    advice: 'DATABASE_URL_FILE must hold postgresql://user:password@host:5432/database; it is read again.',
  });
}

/** The text of other errors may hold the address with its password: only codes and paths are told. */
function unusable(error: unknown, { urlFile }: Address): DatabaseUnavailableError {
  if (error instanceof DatabaseUnavailableError) return error;
  const { code = 'unknown', path } = error as NodeJS.ErrnoException;
  const what = path ?? 'DATABASE_URL';
  const where = urlFile === undefined ? 'DATABASE_URL' : 'DATABASE_URL_FILE';
  return new DatabaseUnavailableError(`${what} can't be used (${code})`, {
    advice: `Check ${where}, and the certificate files that it names; they are read again.`,
  });
}
