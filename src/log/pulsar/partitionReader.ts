/**
 * Reads one partition through a subscription of the client, so that no message is missed whatever the
 * broker's cursor says: `alignment.ts` decides what follows without a gap, this does what it asks for.
 * Whoever takes a partition over must be told so by a message, also when nothing new comes: so the newest
 * message stays unacknowledged, and is delivered again. That also keeps the checkpoint's own message from
 * being removed by retention.
 */
import { LogError, LogUnavailableError, PositionLostError } from '../eventLog.ts';
import type { LogMessage, Position } from '../eventLog.ts';
import { accepted, aligned, approaching, baseOf, isRightAfter, resumed, step, unaligned, unsure } from './alignment.ts';
import type { Alignment, AlignmentStep, Arrival } from './alignment.ts';
import { BatchReading } from './batchReading.ts';
import { TERMINATED, toLogError } from './errors.ts';
import type { Layout } from './layout.ts';
import { loadPulsar } from './native.ts';
import type { NativeConsumer, NativeMessage } from './native.ts';
import { isSameEntry, placeOf, positionOf, serializeId } from './position.ts';
import type { MessagePlace } from './position.ts';
import { Prefetch } from './prefetch.ts';
import { Successors } from './successors.ts';
import type { OpenAt } from './successors.ts';

export interface ReaderSpec {
  readonly topic: string;
  readonly partition: number;
  /** Where to go on; `null` for a reader by itself, which starts at the oldest message. */
  readonly resume: ((partition: number) => Promise<Position | null>) | null;
  readonly layout: () => Promise<Layout>;
  /** The newest message that a reader is given. */
  readonly newest: () => Promise<MessagePlace | null>;
  readonly openAt: OpenAt;
  /** Called when messages have arrived or the pull failed. */
  readonly wake: () => void;
}

/** How long the broker may take to deliver the message that was sought. Milliseconds. */
const APPROACH_MS = 15_000;
/**
 * How often a partition without new messages is checked for whether it is still the same one. Milliseconds.
 */
const IDLE_CHECK_MS = 10_000;

export class PartitionReader {
  readonly #native: NativeConsumer;
  readonly #spec: ReaderSpec;
  readonly #prefetch: Prefetch;
  readonly #successors: Successors;
  readonly #batches: BatchReading;
  #state: Alignment;
  #ready: LogMessage[] = [];
  /** What was handed out and not acknowledged: what a conflict may ask for again. */
  #handedOut: LogMessage[] = [];
  /** The newest message, if it did not come although nothing else has come for a while. */
  #overdue: Position | null = null;
  /** When something last came, or was asked for. */
  #quietSince = performance.now();

  constructor(native: NativeConsumer, spec: ReaderSpec) {
    const { topic, partition, resume, wake, openAt } = spec;
    this.#native = native;
    this.#spec = spec;
    this.#state = unaligned(resume === null ? 'fresh' : 'unknown');
    this.#prefetch = new Prefetch(native, { topic, isBusy: resume === null, wake });
    this.#successors = new Successors(`topic ${topic}, partition ${partition}`, openAt);
    this.#batches = new BatchReading(topic, partition);
  }

  get partition(): number {
    return this.#spec.partition;
  }

  /** Up to `max` messages that are there; asks for more in the background. @throws {LogError} */
  async take(max: number): Promise<LogMessage[]> {
    if (this.#ready.length === 0) await this.#admit(this.#prefetch.take());
    const taken = this.#ready.length <= max ? this.#ready : this.#ready.slice(0, max);
    this.#ready = this.#ready.slice(taken.length);
    if (taken.length > 0) {
      if (this.#spec.resume !== null) this.#handedOut.push(...taken);
      this.#quietSince = performance.now();
    } else {
      await this.#checkWhileQuiet();
    }
    this.#prefetch.pull();
    return taken;
  }

  async seek(position: Position | null): Promise<void> {
    const known = [...this.#handedOut, ...this.#ready];
    this.#handedOut = [];
    const [first] = known;
    if (this.#spec.resume !== null) {
      // Not held, as far as this one knows: where to go on is asked when the first message comes.
      if (this.#state.phase === 'unknown') return;
      if (position !== null && first !== undefined && (await this.#covers(position, first))) {
        this.#ready = known.filter((message) => message.position > position);
        this.#state = aligned(known.at(-1)?.position ?? position);
        return;
      }
      const { last } = this.#state;
      if (position !== null && first === undefined && last !== null && position >= last) {
        // Another instance went further. If this one still holds the partition, the next message tells.
        if (position > last) this.#state = unsure(this.#state);
        return;
      }
    }
    await this.#goTo(position);
  }

  /**
   * Everything up to `position` is done: the broker is told of all but the last, which it shall deliver
   * again.
   */
  async acknowledge(position: Position): Promise<void> {
    this.#handedOut = this.#handedOut.filter((message) => message.position > position);
    const { ledger, entry } = placeOf(position);
    // The end of the ledger before is acknowledged along with the second entry of this one.
    if (entry === 0) return;
    const before = serializeId({ ledger, entry: entry - 1, batch: -1 }, this.partition);
    await this.#native.acknowledgeCumulativeId(loadPulsar().MessageId.deserialize(before)).catch((error: unknown) => {
      // An optimisation: what was not acknowledged is delivered again and skipped.
      if (toLogError('', error).name !== 'LogUnavailableError') throw toLogError('acknowledging', error);
    });
  }

  async close(unsubscribe: boolean): Promise<void> {
    if (unsubscribe) await this.#native.unsubscribe().catch(() => undefined);
    await this.#native.close().catch(() => undefined);
  }

  /** Moves what arrived to `ready`, as far as it follows without a gap. */
  async #admit(arrived: readonly NativeMessage[]): Promise<void> {
    for (let i = 0; i < arrived.length; i += 1) {
      try {
        const verdict = await this.#judge(this.#batches.arrivalOf(arrived, i));
        // What arrived before it was let go back is not what comes next.
        if (verdict === 'seek') return;
        if (verdict === 'skip') continue;
        const { messages, end } = this.#batches.take(arrived, i);
        for (const message of messages) this.#ready.push(message);
        this.#state = accepted(end);
        i += messages.length - 1;
      } catch (error) {
        this.#prefetch.giveBack(arrived.slice(i));
        throw error;
      }
    }
  }

  /** Brings a message that came to a verdict, asking whatever is to be asked. */
  async #judge(arrival: Arrival): Promise<'deliver' | 'skip' | 'seek'> {
    const { resume } = this.#spec;
    let next: MessagePlace | undefined;
    for (;;) {
      const { state, verdict }: AlignmentStep = step(this.#state, arrival, next);
      this.#state = state;
      next = undefined;
      if (verdict.kind === 'deliver' || verdict.kind === 'skip') return verdict.kind;
      if (verdict.kind === 'next') next = await this.#nextAfter(verdict.after, arrival.place);
      else if (verdict.kind === 'resume' && resume !== null) this.#state = resumed(await this.#resumeAt(resume));
      else {
        // A reader by itself knows where it was.
        await this.#goTo(state.last);
        return 'seek';
      }
    }
  }

  /** @throws {PositionLostError} */
  async #resumeAt(resume: (partition: number) => Promise<Position | null>): Promise<Position | null> {
    const from = await resume(this.partition);
    this.#assertThere(await this.#spec.layout(), from);
    return from;
  }

  /**
   * The entry that the broker gives after another. @throws {PositionLostError} what was handed out last is
   * gone
   */
  async #nextAfter(place: MessagePlace | null, upTo: MessagePlace): Promise<MessagePlace> {
    const layout = await this.#spec.layout();
    this.#assertThere(layout, this.#state.last);
    const next = place === null ? layout.oldest : layout.after(place);
    return next !== null && isSameEntry(next, upTo) ? next : await this.#successors.after(place, upTo);
  }

  /**
   * Lets the broker go back to just before `position`, so that the message there comes first and proves
   * itself.
   */
  async #goTo(position: Position | null): Promise<void> {
    const layout = await this.#spec.layout();
    this.#assertThere(layout, position);
    this.#ready = [];
    this.#state = position === null && layout.oldest === null ? aligned(null) : approaching(position);
    this.#quietSince = performance.now();
    const { MessageId } = loadPulsar();
    const place = position === null ? null : placeOf(position);
    const target =
      place === null
        ? MessageId.earliest()
        : MessageId.deserialize(serializeId({ ...place, entry: place.entry - 1, batch: -1 }, this.partition));
    this.#prefetch.clear();
    try {
      await this.#native.seek(target);
    } catch (error) {
      throw toLogError(`seeking in topic ${this.#spec.topic}, partition ${this.partition}`, error);
    }
  }

  #assertThere(layout: Layout, position: Position | null): void {
    if (position !== null && !layout.has(placeOf(position)))
      throw new PositionLostError(this.#spec.topic, this.partition, position);
  }

  async #covers(position: Position, first: LogMessage): Promise<boolean> {
    const place = placeOf(first.position);
    if (isRightAfter(position, place)) return true;
    if (place.batch > 0 || placeOf(position).batch >= 0) return false;
    return isSameEntry(await this.#nextAfter(baseOf(aligned(position)), place), place);
  }

  /** The topic may be another one by now; and what was sought, or left out by the broker, may never come. */
  async #checkWhileQuiet(): Promise<void> {
    const { phase, last } = this.#state;
    const isDue = performance.now() - this.#quietSince > (phase === 'approaching' ? APPROACH_MS : IDLE_CHECK_MS);
    if (!isDue) return;
    this.#quietSince = performance.now();
    const layout = await this.#spec.layout();
    this.#assertThere(layout, phase === 'unknown' ? null : last);
    // Of a subscription, another instance may have the partition.
    const mayBeOthers = this.#spec.resume !== null;
    if (mayBeOthers && phase !== 'approaching' && !layout.isTerminated) return;
    const place = await this.#spec.newest();
    const newest = place === null || (last !== null && positionOf(place) <= last) ? null : positionOf(place);
    if (newest === null && layout.isTerminated)
      throw new LogError(`partition ${this.partition} of topic ${this.#spec.topic} is read to its end: ${TERMINATED}`);
    if (mayBeOthers) {
      // Another seek would cut its holder off. Should this one have it still, the next message tells where to go on.
      if (phase === 'approaching' && newest !== null) this.#state = unsure(this.#state);
      return;
    }
    const isOverdue = newest !== null && (phase === 'approaching' || newest === this.#overdue);
    // What was published this moment is on its way.
    this.#overdue = newest;
    if (!isOverdue) return;
    await this.#goTo(last);
    throw new LogUnavailableError(
      `topic ${this.#spec.topic}, partition ${this.partition}: the broker gives nothing after ${last ?? 'the start'}, though it has ${newest}. It is asked again.`,
    );
  }
}
