/**
 * Where partitions end for readers: at the newest message that is delivered, which may lie before the newest
 * entry.
 */
import type { EntryFacts } from './entry.ts';
import { compareEntries } from './position.ts';
import type { MessagePlace } from './position.ts';
import type { PulsarTopics } from './topics.ts';

interface KnownEnd {
  /** The newest entry looked at. */
  readonly entry: MessagePlace;
  readonly end: MessagePlace | null;
}

/** Entries looked at together: behind one that is not delivered there are often more. */
const TOGETHER = 16;

/** The place of the last message in an entry. */
const lastOf = (entry: MessagePlace, { batchSize }: EntryFacts): MessagePlace => ({
  ...entry,
  batch: batchSize === null ? -1 : batchSize - 1,
});

export class Ends {
  readonly #topics: Pick<PulsarTopics, 'newestEntry' | 'entry' | 'layout'>;
  readonly #known = new Map<string, KnownEnd>();

  constructor(topics: Pick<PulsarTopics, 'newestEntry' | 'entry' | 'layout'>) {
    this.#topics = topics;
  }

  /** With its place in its batch; `null` when the partition holds no message that a reader is given. */
  async of(topic: string, partition: number): Promise<MessagePlace | null> {
    const key = `${topic}/${partition}`;
    const newest = await this.#topics.newestEntry(topic, partition);
    if (newest === null) return null;
    const known = this.#known.get(key);
    if (
      known !== undefined &&
      compareEntries(known.entry, newest) === 0 &&
      (await this.#isThere(topic, partition, known))
    )
      return known.end;
    const facts = await this.#topics.entry(topic, partition, newest);
    const { delivered } = facts;
    const found =
      delivered === 'message'
        ? { end: lastOf(newest, facts), isSettled: true }
        : await this.#before(topic, partition, newest, delivered === 'never' ? known : undefined);
    if (found.isSettled && delivered !== 'notYet') this.#known.set(key, { entry: newest, end: found.end });
    return found.end;
  }

  /** Retention may have taken the ledger before. */
  async #isThere(topic: string, partition: number, { entry, end }: KnownEnd): Promise<boolean> {
    return end === null || end.ledger === entry.ledger || (await this.#topics.layout(topic, partition)).has(end);
  }

  /** Goes back from an entry that is not delivered, no further than what is known. */
  async #before(
    topic: string,
    partition: number,
    newest: MessagePlace,
    known: KnownEnd | undefined,
  ): Promise<{ readonly end: MessagePlace | null; readonly isSettled: boolean }> {
    const layout = await this.#topics.layout(topic, partition);
    let isSettled = true;
    for (let from: MessagePlace | null = newest; from !== null;) {
      const places: MessagePlace[] = [];
      for (let at = layout.before(from); at !== null && places.length < TOGETHER; at = layout.before(at))
        places.push(at);
      const facts = await Promise.all(places.map(async (at) => this.#topics.entry(topic, partition, at)));
      for (const [i, place] of places.entries()) {
        if (known !== undefined && compareEntries(place, known.entry) <= 0) return { end: known.end, isSettled };
        const of = facts[i];
        if (of?.delivered === 'message') return { end: lastOf(place, of), isSettled };
        if (of?.delivered === 'notYet') isSettled = false;
      }
      from = places.at(-1) ?? null;
    }
    return { end: null, isSettled };
  }
}
