/** The few things that the archive asks of EventStoreDB, through its client. */
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
import { toArchiveError } from './errors.ts';
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

export class Connection {
  readonly description: string;
  readonly #url: string;
  #client: EventStoreDBClient | null = null;
  /** The address and the files that it names were right once. */
  #wasRight = false;

  constructor(url: string) {
    this.#url = url;
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
      throw toArchiveError(error, this.description);
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
      const translated = toArchiveError(error, this.description);
      if (this.#client === client && translated instanceof ArchiveUnavailableError) await this.close();
      throw translated;
    }
  }

  #connect(): EventStoreDBClient {
    try {
      const client = EventStoreDBClient.connectionString(this.#url);
      // Its BatchAppend keeps what waits for an answer in one place for all connections of the process: when one of them
      // breaks, the answers to the others end the process. Told that the server has no such call, it uses Append.
      (client as unknown as Supporting).supports = async () => Promise.resolve(false);
      this.#wasRight = true;
      return client;
    } catch {
      if (this.#wasRight)
        throw new ArchiveUnavailableError(
          `a certificate file that EVENTSTORE_URL names can't be used now; it is read again`,
        );
      // The client's message repeats the address, with the password in it.
      throw new ArchiveError(
        'EVENTSTORE_URL is no address that the client of EventStoreDB understands, or a certificate file it names is not there. Its form: esdb://user:password@host:2113?tls=true',
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
