/**
 * Which entry the broker delivers after another one, told by the broker: by a subscription made there for the
 * purpose. It has a cursor of its own and is never made to seek, so the first that it gives is the next,
 * whatever lies between.
 */
import { within } from '../../waiting.ts';
import { LogUnavailableError } from '../eventLog.ts';
import { toLogError } from './errors.ts';
import type { NativeConsumer, NativeMessage } from './native.ts';
import { compareEntries, parseMessageId, positionOf } from './position.ts';
import type { MessagePlace } from './position.ts';

/** Entries remembered: where there is one gap there are often many. */
const REMEMBERED_ENTRIES = 500;
/** How long messages that are there may take. Milliseconds. */
const DELIVERY_WAIT_MS = 10_000;

type EntrySource = Pick<NativeConsumer, 'receive' | 'batchReceive' | 'unsubscribe' | 'close'>;

/**
 * A subscription that begins with this entry or before it, or with the oldest for `null`, and goes when it is
 * closed.
 */
export type OpenAt = (entry: MessagePlace | null) => Promise<EntrySource>;

export class Successors {
  readonly #open: OpenAt;
  readonly #what: string;
  /** Entries that follow one another without another one between them. */
  #known: readonly MessagePlace[] = [];
  /** What {@link #known} begins after; `undefined` when nothing is known. */
  #from: MessagePlace | null | undefined;

  /** @param what the partition, for messages */
  constructor(what: string, open: OpenAt) {
    this.#what = what;
    this.#open = open;
  }

  /**
   * @param upTo the entry of a message that was delivered: the answer is this one or one before
   * @throws {LogUnavailableError} trying again is right
   */
  async after(place: MessagePlace | null, upTo: MessagePlace): Promise<MessagePlace> {
    const known = this.#remembered(place);
    if (known !== undefined) return known;
    const source = await this.#open(place);
    try {
      this.#known = await this.#read(source, place, upTo);
      this.#from = place;
    } finally {
      await source.unsubscribe().catch(() => undefined);
      await source.close().catch(() => undefined);
    }
    const next = this.#remembered(place);
    if (next === undefined) throw this.#silent(upTo);
    return next;
  }

  #remembered(place: MessagePlace | null): MessagePlace | undefined {
    if (this.#from === undefined) return undefined;
    if (this.#from !== null && (place === null || compareEntries(place, this.#from) < 0)) return undefined;
    return place === null ? this.#known[0] : this.#known.find((entry) => compareEntries(entry, place) > 0);
  }

  async #read(source: EntrySource, from: MessagePlace | null, upTo: MessagePlace): Promise<MessagePlace[]> {
    const entries: MessagePlace[] = [];
    const add = (message: NativeMessage): void => {
      const place = { ...parseMessageId(message.getMessageId().toString()), batch: -1 };
      const last = entries.at(-1) ?? from;
      if (last === null || compareEntries(place, last) > 0) entries.push(place);
    };
    const isThere = (): boolean => {
      const last = entries.at(-1);
      return last !== undefined && compareEntries(last, upTo) >= 0;
    };
    while (!isThere() && entries.length < REMEMBERED_ENTRIES) add(await this.#soon(source.receive(), upTo));
    while (entries.length < REMEMBERED_ENTRIES) {
      const messages = await source.batchReceive();
      if (messages.length === 0) break;
      for (const message of messages) add(message);
    }
    return entries;
  }

  async #soon<T>(receiving: Promise<T>, upTo: MessagePlace): Promise<T> {
    try {
      return await within(DELIVERY_WAIT_MS, receiving, () => {
        throw this.#silent(upTo);
      });
    } catch (error) {
      throw toLogError(`reading ${this.#what}`, error);
    }
  }

  #silent(upTo: MessagePlace): LogUnavailableError {
    return new LogUnavailableError(
      `${this.#what}: the broker did not say within ${DELIVERY_WAIT_MS / 1_000} s what comes before ${positionOf({ ...upTo, batch: -1 })}`,
    );
  }
}
