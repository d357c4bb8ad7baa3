/** Tells the relays of this process that their topic has something in the outbox, sooner than the database does. */
import { Wakeup } from '../waiting.ts';

export class OutboxBell {
  readonly #topics = new Map<string, Wakeup>();

  of(topic: string): Wakeup {
    const known = this.#topics.get(topic) ?? new Wakeup();
    this.#topics.set(topic, known);
    return known;
  }
}
