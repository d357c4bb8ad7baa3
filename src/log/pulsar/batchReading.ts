/** The client's messages as the contract's, as far as they lie together in a batch. */
import type { LogMessage } from '../eventLog.ts';
import type { Arrival } from './alignment.ts';
import { commonOf, toLogMessage } from './message.ts';
import type { NativeMessage } from './native.ts';
import { batchSizeIn, isSameEntry, parseMessageId, positionOf, positionsFrom } from './position.ts';
import type { MessagePlace } from './position.ts';
import type { Common } from './uniformBatch.ts';

export class BatchReading {
  readonly #topic: string;
  readonly #partition: number;
  /** What the first message of the entry begun last says of all of it. */
  #common: (MessagePlace & { readonly of: Common | null }) | null = null;
  /** What was read of the message looked at last. */
  #arrival: { readonly of: NativeMessage; readonly arrival: Arrival } | null = null;

  constructor(topic: string, partition: number) {
    this.#topic = topic;
    this.#partition = partition;
  }

  /** Where `arrived[i]` is. */
  arrivalOf(arrived: readonly NativeMessage[], i: number): Arrival {
    const native = messageAt(arrived, i);
    if (this.#arrival?.of === native) return this.#arrival.arrival;
    const arrival = arrivalOf(native);
    this.#arrival = { of: native, arrival };
    return arrival;
  }

  /**
   * `arrived[i]`, and those of its batch that come right after it; where they end. Asking each message for
   * its id costs as much as folding it. The client hands a batch out in order, so if the last of it that has
   * arrived is as far on in the batch as in what arrived, those between are the ones between.
   */
  take(arrived: readonly NativeMessage[], i: number): { messages: LogMessage[]; end: Arrival } {
    const first = this.arrivalOf(arrived, i);
    const { place, position, size } = first;
    const native = messageAt(arrived, i);
    if (place.batch === 0 && size > 1) this.#common = { ...place, of: commonOf(native, size) };
    const common = this.#common !== null && isSameEntry(this.#common, place) ? this.#common.of : null;
    const messages = [this.#toMessage(native, position, common)];
    const count = size === 1 ? 0 : Math.min(size - place.batch, arrived.length - i) - 1;
    if (count <= 0) return { messages, end: first };
    const last = arrivalOf(messageAt(arrived, i + count));
    if (!isSameEntry(place, last.place) || last.place.batch !== place.batch + count) return { messages, end: first };
    for (const [n, between] of positionsFrom({ ...place, batch: place.batch + 1 }, count).entries())
      messages.push(this.#toMessage(messageAt(arrived, i + 1 + n), between, common));
    return { messages, end: last };
  }

  #toMessage(native: NativeMessage, position: string, common: Common | null): LogMessage {
    return toLogMessage(native, { topic: this.#topic, partition: this.#partition, position }, common);
  }
}

function arrivalOf(native: NativeMessage): Arrival {
  const id = native.getMessageId();
  const place = parseMessageId(id.toString());
  return { place, position: positionOf(place), size: place.batch < 0 ? 1 : batchSizeIn(id.serialize()) };
}

function messageAt(messages: readonly NativeMessage[], i: number): NativeMessage {
  const message = messages[i];
  if (message === undefined) throw new RangeError(`no message ${i}`);
  return message;
}
