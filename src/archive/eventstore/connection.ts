/** The few things that the archive asks of EventStoreDB, through its client. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  binaryEvent,
  EventStoreDBClient,
  jsonEvent,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import type { EventData } from '@eventstore/db-client';
import { ArchiveError, ArchiveUnavailableError } from '../errors.ts';
import { fromEventStore } from './errors.ts';
import { filteredRead } from './filteredRead.ts';
import type { Openable } from './filteredRead.ts';
import type { StoredEvent } from './storedEvent.ts';

export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly data: object | Buffer;
  readonly metadata?: object;
}

/** What of the client is replaced that its types keep for itself. */
interface Supporting {
  supports: () => Promise<boolean>;
}

/** `esdb://user:password@host:2113?tls=false` without user, password and options. */
const describeServer = (url: string): string =>
  `EventStoreDB at ${url
    .replace(/^[^/]*\/\//, '')
    .replace(/^[^@]*@/, '')
    .replace(/[/?].*$/, '')}`;

/** An address alone, or with the file that holds it: read for each connection, so that a password may be replaced. */
export type EventStoreAddress = string | { readonly url: string; readonly file?: string };

export class Connection {
  readonly description: string;
  readonly #url: string;
  readonly #file: string | null;
  #client: EventStoreDBClient | null = null;
  /** The address and the files that it names were right once. */
  #wasRight = false;

  constructor(address: EventStoreAddress) {
    const { url, file = null } = typeof address === 'string' ? { url: address } : address;
    this.#url = url;
    this.#file = file;
    this.description = describeServer(url);
  }

  /**
   * @param expected revision of the last event of the stream; −1 when it must not exist
   * @returns `false` when the stream is elsewhere: nothing was appended. Appending the same events again at the same
   *   place succeeds and changes nothing.
   */
  async append(stream: string, events: readonly NewEvent[], expected: bigint): Promise<boolean> {
    return await this.#using(async (client) => {
      const expectedRevision = expected < 0n ? 'no_stream' : expected;
      try {
        return (await client.appendToStream(stream, events.map(toEventData), { expectedRevision })).success;
      } catch (error) {
        if (error instanceof WrongExpectedVersionError) return false;
        throw error;
      }
    });
  }

  /** The newest events of a stream, newest first; none when there is no such stream. @param before a revision */
  async newest(stream: string, count: number, before: bigint | null = null): Promise<StoredEvent[]> {
    if (before === 0n) return [];
    return await this.#using(async (client) => {
      const fromRevision = before === null ? 'end' : before - 1n;
      const reading = client.readStream(stream, { direction: 'backwards', fromRevision, maxCount: count });
      const found: StoredEvent[] = [];
      try {
        for await (const { event } of reading) {
          if (event !== undefined) found.push({ ...event, stream: event.streamId });
        }
      } catch (error) {
        if (!(error instanceof StreamNotFoundError)) throw error;
      }
      return found;
    });
  }

  /** All events of the streams whose names begin so, in the order in which they were stored, up to the present end. */
  async *all(prefixes: readonly string[], signal: AbortSignal): AsyncGenerator<StoredEvent> {
    const stream = await this.#using(async (client) => await filteredRead(client, prefixes));
    const stop = (): void => stream.cancel();
    signal.addEventListener('abort', stop, { once: true });
    try {
      yield* stream.events;
    } catch (error) {
      signal.throwIfAborted();
      await this.close();
      throw this.#translated(error);
    } finally {
      signal.removeEventListener('abort', stop);
      stream.cancel();
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    await Promise.race([client.dispose(), delay(1_000, undefined, { ref: false })]);
    // Without this a channel nobody uses would try to reach the server for ever.
    const channel = await (client as unknown as Openable).getChannel().catch(() => null);
    channel?.close();
  }

  /** After a failure the next call connects anew: the client keeps some failures for ever. */
  async #using<T>(work: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
    // Certificate files are read for each client that is made.
    this.#client ??= this.#connect();
    const client = this.#client;
    try {
      return await work(client);
    } catch (error) {
      const translated = this.#translated(error);
      if (this.#client === client && translated instanceof ArchiveUnavailableError) await this.close();
      throw translated;
    }
  }

  #translated(error: unknown): unknown {
    return fromEventStore(error, this.description, this.#file !== null);
  }

  #currentUrl(): string {
    return this.#file === null ? this.#url : readFileSync(this.#file, 'utf8').trim();
  }

  #connect(): EventStoreDBClient {
    const setting = this.#file === null ? 'EVENTSTORE_URL' : 'EVENTSTORE_URL_FILE';
    try {
      const client = EventStoreDBClient.connectionString(this.#currentUrl());
      // Its BatchAppend keeps what waits for an answer in one place for all connections of the process: when one of
      // them breaks, the answers to the others end the process. Told that the server has no such call, it uses Append.
      (client as unknown as Supporting).supports = async () => Promise.resolve(false);
      this.#wasRight = true;
      return client;
    } catch {
      if (this.#wasRight)
        throw new ArchiveUnavailableError(
          this.#file === null
            ? `a certificate file that EVENTSTORE_URL names can't be used now; it is read again`
            : `${this.#file} (EVENTSTORE_URL_FILE) holds no address that can be used now, or one that names a certificate file that can't be; both are read again`,
        );
      // The client's message repeats the address, with the password in it.
      throw new ArchiveError(
        `${setting} ${this.#file === null ? 'is' : 'holds'} no address that the client of EventStoreDB understands, or a certificate file it names is not there. Its form: esdb://user:password@host:2113?tls=true`,
      );
    }
  }
}

const toEventData = ({ data, metadata, ...event }: NewEvent): EventData =>
  Buffer.isBuffer(data)
    ? binaryEvent({ ...event, data, ...(metadata === undefined ? {} : { metadata }) })
    : jsonEvent({
        ...event,
        data: data as Record<string, unknown>,
        ...(metadata === undefined ? {} : { metadata }),
      });
