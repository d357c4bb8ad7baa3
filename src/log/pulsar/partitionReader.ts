/**
 * Reads one partition through a subscription of the client, so that no message is missed whatever the broker's cursor
 * says.
 *
 * The checkpoint is the truth, the cursor an optimisation that may be behind it (acknowledgments are not written at
 * once) or ahead (the database was restored from a backup). A reader therefore hands out messages only while it can
 * prove that nothing lies between them: each must be the next of its batch, or begin the entry after the last one. When
 * that fails, and whenever the first message comes (this instance took the partition over), it *aligns*: asks where to
 * resume, and lets the broker go back if the cursor is beyond.
 *
 * A position within a batch does not tell whether it ends its entry. Only a reader that saw the message itself knows; so
 * where it resumes from one, the message must come again.
 *
 * Whoever takes a partition over must be told so by a message, also when nothing new comes: so the newest message stays
 * unacknowledged, and is delivered again. That also keeps the checkpoint's own message from being removed by retention.
 */
import { PositionLostError } from '../eventLog.ts';
import type { LogMessage, Position } from '../eventLog.ts';
import { toLogError } from './errors.ts';
import type { Layout } from './layout.ts';
import { commonOf, restOfBatch, toLogMessage } from './message.ts';
import { loadPulsar } from './native.ts';
import type { NativeConsumer, NativeMessage, NativeMessageId } from './native.ts';
import {
  batchSizeIn,
  isEntryAfter,
  isNextOfBatch,
  isSameEntry,
  isStartOf,
  isWholeEntry,
  parseMessageId,
  placeOf,
  positionOf,
  positionsFrom,
  serializeId,
} from './position.ts';
import type { MessagePlace } from './position.ts';
import type { Common } from './uniformBatch.ts';

export interface ReaderSpec {
  readonly topic: string;
  readonly partition: number;
  /** Where to go on; `null` for a reader by itself, which starts at the oldest message. */
  readonly resume: ((partition: number) => Promise<Position | null>) | null;
  readonly layout: () => Promise<Layout>;
  /** Called when messages have arrived or the pull failed. */
  readonly wake: () => void;
}

/**
 * - `unknown`: no message has come yet, so another instance may hold the partition.
 * - `approaching`: waits for `last` or, unless that is in a batch, for the entry after it; whatever else comes was on its
 *   way before and is dropped.
 * - `aligned`: everything after `last` is handed out.
 */
type State = 'unknown' | 'approaching' | 'aligned';

/** `arrived[i]` was taken: what is known for what may follow it. */
interface BatchStart {
  readonly arrived: readonly NativeMessage[];
  readonly i: number;
  readonly place: MessagePlace;
  readonly size: number;
  readonly common: Common | null;
}

/** A gap this long is left by seeking; a shorter one by reading on. Entries. */
const SEEK_DISTANCE = 1_000;
/** Messages fetched ahead, at most; and how many in quick succession make a reader fetch in batches. */
const AHEAD = 1_000;
const BUSY = 64;
/** A message that took longer to come was waited for: not by a thread that is busy with the last ones. Milliseconds. */
const QUICK_MS = 5;
/** How long the broker may take to deliver the message that was sought. Milliseconds. */
const APPROACH_MS = 15_000;
/** How often a partition without new messages is checked for whether it is still the same one. Milliseconds. */
const IDLE_CHECK_MS = 10_000;

export class PartitionReader {
  readonly #native: NativeConsumer;
  readonly #spec: ReaderSpec;
  #state: State;
  /** The message everything up to which is done or handed out. */
  #last: Position | null = null;
  /** Where {@link #last} is, remembered: the next message is compared with it. */
  #lastPlace: MessagePlace | null = null;
  /** The client's id of the message accepted last, and its position: it knows the size of its batch. */
  #accepted: { readonly position: Position; readonly id: NativeMessageId } | null = null;
  /** The entry that must come next, while approaching; `null` when only `last` itself proves where one is. */
  #next: MessagePlace | null = null;
  /** What the first message of the entry begun last says of all of it. */
  #common: (MessagePlace & { readonly of: Common | null }) | null = null;
  #arrived: NativeMessage[] = [];
  #ready: LogMessage[] = [];
  /** What was handed out and not acknowledged: what a conflict may ask for again. */
  #handedOut: LogMessage[] = [];
  #pulling = false;
  /** Messages that came in quick succession; from {@link BUSY} on they are fetched in batches. */
  #rush: number;
  #failure: Error | null = null;
  #since = performance.now();
  #checkedAt = performance.now();

  constructor(native: NativeConsumer, spec: ReaderSpec) {
    this.#native = native;
    this.#spec = spec;
    this.#state = spec.resume === null ? 'aligned' : 'unknown';
    this.#rush = spec.resume === null ? BUSY : 0;
  }

  get partition(): number {
    return this.#spec.partition;
  }

  /** Up to `max` messages that are there; asks for more in the background. @throws {LogError} */
  async take(max: number): Promise<LogMessage[]> {
    if (this.#failure !== null) {
      const failure = this.#failure;
      this.#failure = null;
      throw failure;
    }
    if (this.#ready.length === 0) await this.#admit();
    const taken = this.#ready.length <= max ? this.#ready : this.#ready.slice(0, max);
    this.#ready = this.#ready.slice(taken.length);
    if (taken.length > 0) {
      if (this.#spec.resume !== null) this.#handedOut.push(...taken);
      this.#checkedAt = performance.now();
    } else {
      await this.#checkWhileIdle();
    }
    this.#pull();
    return taken;
  }

  async seek(position: Position | null): Promise<void> {
    const known = [...this.#handedOut, ...this.#ready];
    this.#handedOut = [];
    const [first] = known;
    if (this.#spec.resume !== null) {
      // Not held, as far as this one knows: where to go on is asked when the first message comes.
      if (this.#state === 'unknown') return;
      if (position !== null && first !== undefined && (await this.#covers(position, first))) {
        this.#ready = known.filter((message) => message.position > position);
        this.#settle(known.at(-1)?.position ?? position);
        return;
      }
      if (position !== null && first === undefined && this.#last !== null && position >= this.#last) {
        // Another instance went further. If this one still holds the partition, the next message tells.
        if (position > this.#last) this.#state = 'unknown';
        return;
      }
    }
    await this.#goTo(position);
  }

  /** Everything up to `position` is done: the broker is told of all but the last, which it shall deliver again. */
  async acknowledge(position: Position): Promise<void> {
    this.#handedOut = this.#handedOut.filter((message) => message.position > position);
    const { ledger, entry } = placeOf(position);
    // The end of the ledger before is acknowledged along with the second entry of this one.
    if (entry === 0) return;
    const before = serializeId({ ledger, entry: entry - 1, batch: -1 }, this.partition);
    await this.#native
      .acknowledgeCumulativeId(loadPulsar().MessageId.deserialize(before))
      .catch((error: unknown) => {
        // An optimisation: what was not acknowledged is delivered again and skipped.
        if (toLogError('', error).name !== 'LogUnavailableError') throw toLogError('acknowledging', error);
      });
  }

  async close(unsubscribe: boolean): Promise<void> {
    if (unsubscribe) await this.#native.unsubscribe().catch(() => undefined);
    await this.#native.close().catch(() => undefined);
  }

  /** Fetches ahead, up to a bound: what is not fetched stays in the client's queue, which is bounded too. */
  #pull(): void {
    if (this.#pulling || this.#arrived.length >= AHEAD) return;
    this.#pulling = true;
    void this.#pullAhead()
      .catch((error: unknown) => {
        this.#failure = toLogError(`reading topic ${this.#spec.topic}`, error);
        this.#spec.wake();
      })
      .finally(() => (this.#pulling = false));
  }

  /** One by one while there is little, which takes no time-out to end; in batches while messages queue up. */
  async #pullAhead(): Promise<void> {
    while (this.#arrived.length < AHEAD) {
      if (this.#rush >= BUSY) {
        const batch = await this.#native.batchReceive();
        if (batch.length < BUSY) this.#rush = 0;
        this.#arrived = this.#arrived.length === 0 ? batch : [...this.#arrived, ...batch];
      } else {
        const start = performance.now();
        const message = await this.#native.receive();
        // Not before: what arrived may have been taken meanwhile.
        this.#arrived.push(message);
        const isQuick = performance.now() - start < QUICK_MS;
        // The messages of a batch come together: they are asked for together, and no timer is waited for.
        const rest = Array.from(
          { length: restOfBatch(message, BUSY) },
          async () => await this.#native.receive(),
        );
        this.#rush = isQuick ? this.#rush + 1 + rest.length : 0;
        for (const next of rest) next.catch(() => undefined);
        for (const next of rest) {
          const received = await next;
          this.#arrived.push(received);
        }
      }
      this.#spec.wake();
    }
  }

  /** Moves what arrived to `ready`, as far as it follows without a gap. */
  async #admit(): Promise<void> {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (let i = 0; i < arrived.length; i += 1) {
      try {
        i += await this.#judge(arrived, i);
      } catch (error) {
        // The client does not give them again: they are judged anew at the next attempt.
        this.#arrived = [...arrived.slice(i), ...this.#arrived];
        throw error;
      }
    }
  }

  /** Takes `arrived[i]` or leaves it. @returns how many that follow it were taken along */
  async #judge(arrived: readonly NativeMessage[], i: number): Promise<number> {
    const native = messageAt(arrived, i);
    const id = native.getMessageId();
    const place = parseMessageId(id.toString());
    const position = positionOf(place);
    const isNext = await this.#isNext(place, position);
    if (position === this.#last || isNext) this.#accepted = { position, id };
    if (!isNext) return 0;
    const size = place.batch < 0 ? 1 : batchSizeIn(id.serialize());
    if (place.batch === 0 && size > 1) this.#common = { ...place, of: commonOf(native, size) };
    const common = this.#common !== null && isSameEntry(this.#common, place) ? this.#common.of : null;
    this.#hand(native, position, common);
    this.#settle(position, place);
    return size === 1 ? 0 : this.#takeBatch({ arrived, i, place, size, common });
  }

  /**
   * Asking each message for its id costs as much as folding it. The client hands a batch out in order, so if the last of
   * it that has arrived is as far on in the batch as in what arrived, those between are the ones between.
   */
  #takeBatch({ arrived, i, place, size, common }: BatchStart): number {
    const count = Math.min(size - place.batch, arrived.length - i) - 1;
    if (count <= 0) return 0;
    const id = messageAt(arrived, i + count).getMessageId();
    const last = parseMessageId(id.toString());
    if (!isSameEntry(place, last) || last.batch !== place.batch + count) return 0;
    const positions = positionsFrom({ ...place, batch: place.batch + 1 }, count);
    for (const [n, position] of positions.entries())
      this.#hand(messageAt(arrived, i + 1 + n), position, common);
    const position = positionOf(last);
    this.#settle(position, last);
    this.#accepted = { position, id };
    return count;
  }

  #hand(native: NativeMessage, position: Position, common: Common | null): void {
    const { topic, partition } = this.#spec;
    this.#ready.push(toLogMessage(native, { topic, partition, position }, common));
  }

  #settle(last: Position | null, place = last === null ? null : placeOf(last)): void {
    this.#state = 'aligned';
    this.#last = last;
    this.#lastPlace = place;
    this.#next = null;
  }

  async #isNext(place: MessagePlace, position: Position): Promise<boolean> {
    if (this.#state === 'unknown') await this.#align(place);
    if (this.#state === 'approaching') return this.#isSought(place, position);
    if (this.#last === null) return true;
    if (position <= this.#last) return false;
    if (this.#lastPlace !== null && isNextOfBatch(this.#lastPlace, place)) return true;
    if (this.#lastEndsEntry() && (await this.#isNextEntry(this.#last, place))) return true;
    // Something is missing: another instance held the partition meanwhile, or the topic was made anew.
    this.#state = 'unknown';
    if (this.#spec.resume === null) await this.#goTo(this.#last);
    else await this.#align(place);
    return this.#isSought(place, position);
  }

  #isSought(place: MessagePlace, position: Position): boolean {
    if (position === this.#last) {
      this.#settle(position);
      return false;
    }
    const isAfterLast =
      this.#last !== null && isWholeEntry(this.#last) && isEntryAfter(placeOf(this.#last), place);
    if (isAfterLast || (this.#next !== null && isStartOf(place, this.#next))) {
      this.#settle(this.#last);
      return true;
    }
    return false;
  }

  #lastEndsEntry(): boolean {
    if (this.#last === null || isWholeEntry(this.#last)) return true;
    if (this.#accepted?.position !== this.#last) return false;
    return placeOf(this.#last).batch + 1 === batchSizeIn(this.#accepted.id.serialize());
  }

  /** Decides what the first message of a partition taken over means. */
  async #align(place: MessagePlace): Promise<void> {
    if (this.#spec.resume === null) return;
    const from = await this.#spec.resume(this.partition);
    const position = positionOf(place);
    const layout = await this.#spec.layout();
    const next = this.#nextIn(layout, from);
    this.#last = from;
    this.#next = next;
    this.#state = 'approaching';
    this.#since = performance.now();
    if (from === position || (next !== null && isStartOf(place, next))) return;
    const behind = from === null ? false : position < from && isNear(place, placeOf(from));
    if (!behind) await this.#goTo(from, layout);
  }

  /** Lets the broker go back to just before `position`, so that the message there comes first and proves itself. */
  async #goTo(position: Position | null, known?: Layout): Promise<void> {
    const layout = known ?? (await this.#spec.layout());
    const next = this.#nextIn(layout, position);
    this.#arrived = [];
    this.#ready = [];
    this.#last = position;
    this.#next = next;
    this.#state = position === null && next === null ? 'aligned' : 'approaching';
    this.#since = performance.now();
    const { MessageId } = loadPulsar();
    const place = position === null ? null : placeOf(position);
    const target =
      place === null
        ? MessageId.earliest()
        : MessageId.deserialize(serializeId({ ...place, entry: place.entry - 1, batch: -1 }, this.partition));
    try {
      await this.#native.seek(target);
    } catch (error) {
      throw toLogError(`seeking in topic ${this.#spec.topic}, partition ${this.partition}`, error);
    }
  }

  /** @throws {PositionLostError} */
  #nextIn(layout: Layout, position: Position | null): MessagePlace | null {
    if (position === null) return layout.oldest;
    if (!layout.has(placeOf(position))) throw this.#lost(position);
    return isWholeEntry(position) ? layout.after(placeOf(position)) : null;
  }

  #lost(position: Position): PositionLostError {
    return new PositionLostError(this.#spec.topic, this.partition, position);
  }

  /** Whether `place` begins the entry after the one of `last`. */
  async #isNextEntry(last: Position, place: MessagePlace): Promise<boolean> {
    const before = placeOf(last);
    if (isEntryAfter(before, place)) return true;
    const layout = await this.#spec.layout();
    if (!layout.has(before)) throw this.#lost(last);
    const next = layout.after(before);
    return next !== null && isStartOf(place, next);
  }

  async #covers(position: Position, first: LogMessage): Promise<boolean> {
    if (position >= first.position) return true;
    const place = placeOf(first.position);
    if (isNextOfBatch(placeOf(position), place)) return true;
    return isWholeEntry(position) && (await this.#isNextEntry(position, place));
  }

  async #checkWhileIdle(): Promise<void> {
    const now = performance.now();
    if (this.#state === 'approaching' && now - this.#since > APPROACH_MS) {
      await this.#goTo(this.#last);
    } else if (this.#state === 'aligned' && this.#last !== null && now - this.#checkedAt > IDLE_CHECK_MS) {
      this.#checkedAt = now;
      if (!(await this.#spec.layout()).has(placeOf(this.#last))) throw this.#lost(this.#last);
    }
  }
}

function messageAt(messages: readonly NativeMessage[], i: number): NativeMessage {
  const message = messages[i];
  if (message === undefined) throw new RangeError(`no message ${i}`);
  return message;
}

const isNear = (place: MessagePlace, target: MessagePlace): boolean =>
  place.ledger === target.ledger && target.entry - place.entry <= SEEK_DISTANCE;
