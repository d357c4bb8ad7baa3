/** Appends messages to their streams, each message once, whoever else appended some of them. */
import type { Position } from '../../log/eventLog.ts';
import { inChunks } from '../../chunks.ts';
import { isAfter } from '../../log/positions.ts';
import { required } from '../../required.ts';
import { ArchiveUnavailableError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { EventToStore, StoredEvent } from './storedEvent.ts';

/** Where a stream stands, and where in each partition its newest message of it stood: `null` where it has none. */
interface StreamState {
  revision: bigint;
  readonly last: Map<number, Position | null>;
}

/** Far below the server's limit for one append, 1 MiB unless set otherwise. */
const APPEND = { items: 200, size: 262_144 } as const;
const MAX_ATTEMPTS = 20;
const PAGE_SIZE = 100;

export class StreamWriter {
  readonly #connection: Connection;
  readonly #states = new Map<string, StreamState>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What is known of the streams may be wrong: it is read again. */
  forget(): void {
    this.#states.clear();
  }

  /** Events of one stream and one partition, in order of their positions. @returns how many were not there yet */
  async append(events: readonly EventToStore[]): Promise<number> {
    let appended = 0;
    for (const part of inChunks(events, APPEND, bytesOf)) appended += await this.#appendPart(part);
    return appended;
  }

  async #appendPart(events: readonly EventToStore[]): Promise<number> {
    const { stream, metadata } = required(events[0], 'a part has events');
    const { partition } = metadata;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const state = await this.#state(stream, partition);
      const last = state.last.get(partition);
      const missing = events.filter((event) => isAfter(event.metadata.position, last));
      const newest = missing.at(-1);
      if (newest === undefined) return 0;
      if (await this.#connection.append(stream, missing, state.revision)) {
        state.revision += BigInt(missing.length);
        state.last.set(partition, newest.metadata.position);
        return missing.length;
      }
      // Another archiver was there.
      this.#states.delete(stream);
    }
    throw new ArchiveUnavailableError(
      `stream ${stream} of ${this.#connection.description} is written by someone else again and again`,
    );
  }

  async #state(stream: string, partition: number): Promise<StreamState> {
    const known = this.#states.get(stream);
    if (known?.last.has(partition) === true) return known;
    const state: StreamState = known ?? { revision: -1n, last: new Map() };
    // Nearly always the newest event says it; a key that moved to another partition makes it longer.
    let page = await this.#connection.newest(stream, 1);
    if (known === undefined) state.revision = page[0]?.revision ?? -1n;
    let found: Position | null = null;
    while (found === null && page.length > 0) {
      found = positionIn(page, partition);
      const oldest = required(page.at(-1), 'the page is not empty');
      if (found === null) page = await this.#connection.newest(stream, PAGE_SIZE, oldest.revision);
    }
    state.last.set(partition, found);
    this.#states.set(stream, state);
    return state;
  }
}

function positionIn(page: readonly StoredEvent[], partition: number): Position | null {
  for (const { metadata } of page) {
    const said = metadata as { readonly partition?: unknown; readonly position?: unknown } | null | undefined;
    if (said?.partition === partition && typeof said.position === 'string') return said.position;
  }
  return null;
}

const bytesOf = ({ data, metadata }: EventToStore): number =>
  (Buffer.isBuffer(data) ? data.length : JSON.stringify(data).length) + JSON.stringify(metadata).length + 100;
