/**
 * A log whose producers answer before what they were given is stored. Only for a demonstration, where nobody crashes
 * halfway and expects to find everything: what was lost would show in its check.
 */
import type { EventLog, OutgoingMessage, Producer, SendResult } from '../log/eventLog.ts';

type PublishedTo = Pick<EventLog, 'producer' | 'system'>;

/** Sends that are not stored yet: the log groups them into one transaction. */
const IN_FLIGHT = 256;

export const writeBehind = (log: PublishedTo): PublishedTo => ({
  system: log.system,
  producer: async (topic, options) => new WriteBehindProducer(await log.producer(topic, options)),
});

class WriteBehindProducer implements Producer {
  readonly #producer: Producer;
  readonly #underWay: Promise<SendResult>[] = [];

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  get topic(): string {
    return this.#producer.topic;
  }

  get lastSequenceId(): number {
    return this.#producer.lastSequenceId;
  }

  /** @throws {LogError} an earlier send failed. */
  async send(messages: readonly OutgoingMessage[]): Promise<SendResult> {
    const sent = this.#producer.send(messages);
    // Whoever waits for it is told; until then it must not count as unhandled.
    sent.catch(() => undefined);
    this.#underWay.push(sent);
    if (this.#underWay.length > IN_FLIGHT) await this.#underWay.shift();
    return { stored: messages.length, duplicates: 0 };
  }

  async close(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#producer.close();
  }
}
