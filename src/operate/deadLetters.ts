/** Dead letters for the people who look after them: to find, to send again, to set as done. */
import { readLetter } from '../codec/deadLetter.ts';
import type { ReadLetter } from '../codec/deadLetter.ts';
import type { LogMessage, PartitionEnd } from '../log/eventLog.ts';
import { handledLetters, markHandled, placeKey } from '../store/deadLetters.ts';
import type { Handled, LetterPlace } from '../store/deadLetters.ts';
import { DEAD_LETTER_TOPICS } from '../topology/folds.ts';
import type { DeadLetterTopic } from '../topology/folds.ts';
import { readTopic } from '../consume/readTopic.ts';
import { UsageError } from '../errors.ts';
import type { Storage } from '../app/storage.ts';

export type LetterStorage = Pick<Storage, 'database' | 'log'>;

export interface Letter extends LetterPlace {
  /** What a person names it by: {@link letterId}. */
  readonly id: string;
  readonly processor: string;
  /** The topic its message came from, and goes to again. */
  readonly source: string;
  readonly facts: ReadLetter;
  /** As it lies in the dead-letter topic. */
  readonly message: LogMessage;
  /** `null`: open. */
  readonly handled: Handled | null;
}

interface LetterQuery {
  /** Of this processor only. */
  readonly processor?: string | undefined;
  /** Those that were handled, too. */
  readonly handledToo?: boolean;
  readonly signal: AbortSignal;
}

/** A position without the zeros that pad it: of fixed width, it stays the only one that reads so. */
const short = (position: string): string => position.replace(/(?<!\d)0+(?=\d)/g, '');

/** `<topic>:<partition>:<position>`, such as `policy-states-states-DLQ:0:17`. */
const letterId = ({ topic, partition, position }: LetterPlace): string => `${topic}:${partition}:${short(position)}`;

/** Letters in batches, topic by topic, oldest first; up to where the topics end at the start. */
export async function* letters(storage: LetterStorage, query: LetterQuery): AsyncGenerator<readonly Letter[]> {
  const topics = DEAD_LETTER_TOPICS.filter(
    ({ processor }) => query.processor === undefined || processor === query.processor,
  );
  // Of all topics first: a letter that a retry of this very run causes is not part of it.
  const ends: (readonly PartitionEnd[])[] = [];
  for (const { spec } of topics) ends.push(await storage.log.ends(spec.name));
  for (const [i, topic] of topics.entries()) {
    for await (const batch of lettersOf(storage, topic, query.signal, ends[i])) {
      const wanted = query.handledToo === true ? batch : batch.filter(({ handled }) => handled === null);
      if (wanted.length > 0) yield wanted;
    }
  }
}

async function* lettersOf(
  { database, log }: LetterStorage,
  { spec, processor, source }: DeadLetterTopic,
  signal: AbortSignal,
  ends?: readonly PartitionEnd[],
): AsyncGenerator<readonly Letter[]> {
  const reading = readTopic({
    log,
    topic: { name: spec.name, decode: () => 'letter' },
    onPoison: () => undefined,
    ...(ends === undefined ? {} : { ends }),
    signal,
  });
  for await (const batch of reading) {
    const handled = await handledLetters(
      database,
      batch.map(({ message }) => message),
    );
    yield batch.map(({ message }) => {
      const { topic, partition, position } = message;
      return {
        ...{ id: letterId(message), topic, partition, position, processor, source, message },
        facts: readLetter(message.properties),
        handled: handled.get(placeKey(message)) ?? null,
      };
    });
  }
}

/** When it was set aside, or, of a letter that doesn't say, when its event was. */
const timeOf = ({ facts, message }: Letter): number => facts.setAsideAt ?? message.eventTime;

/** The newest letters, newest first, and how many there are besides. */
export async function newestLetters(
  storage: LetterStorage,
  query: LetterQuery,
  limit: number,
): Promise<{ readonly letters: readonly Letter[]; readonly more: number }> {
  let [newest, count]: [Letter[], number] = [[], 0];
  const cut = (): void => {
    newest = newest.toSorted((a, b) => timeOf(b) - timeOf(a) || (placeKey(a) < placeKey(b) ? 1 : -1));
    newest.length = Math.min(newest.length, limit);
  };
  for await (const batch of letters(storage, query)) {
    count += batch.length;
    newest.push(...batch);
    cut();
  }
  return { letters: newest, more: count - newest.length };
}

/** The letters of these ids, in their order, each once. @throws {UsageError} one of them is none */
export async function findLetters(
  storage: LetterStorage,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly Letter[]> {
  const wanted = new Set(ids.map(canonicalId));
  const found = new Map<string, Letter>();
  for (const topic of DEAD_LETTER_TOPICS) {
    const left = new Set([...wanted].filter((id) => id.startsWith(`${topic.spec.name}:`)));
    if (left.size === 0) continue;
    for await (const batch of lettersOf(storage, topic, signal)) {
      for (const letter of batch) if (left.delete(letter.id)) found.set(letter.id, letter);
      if (left.size === 0) break;
    }
  }
  const unknown = [...wanted].filter((id) => !found.has(id));
  if (unknown.length > 0) {
    throw new UsageError(
      `there is no dead letter ${unknown.join(', ')}: balde dead-letters list --all shows those there are`,
    );
  }
  return [...wanted].flatMap((id) => found.get(id) ?? []);
}

/** An id as {@link letterId} writes it, should it have been given with the position's zeros. */
function canonicalId(id: string): string {
  const names = DEAD_LETTER_TOPICS.map(({ spec }) => spec.name);
  const topic = names.find((name) => id.startsWith(`${name}:`));
  const place = topic === undefined ? null : /^(\d+):(.+)$/.exec(id.slice(topic.length + 1));
  if (topic === undefined || place === null) {
    throw new UsageError(
      `${JSON.stringify(id)} is no id of a dead letter: it reads <topic>:<partition>:<position>, and the topic is one of ${names.join(', ')}`,
    );
  }
  return letterId({ topic, partition: Number(place[1]), position: place[2] ?? '' });
}

/**
 * - `done`: retried or dropped by this call. - `skipped`: what is said of it in `handled` was said before.
 * - `cut`: it has only a part of its message, which can't be sent again.
 */
export interface LetterOutcome {
  readonly letter: Letter;
  readonly outcome: 'done' | 'skipped' | 'cut';
  readonly handled: Handled | null;
}

/** Sets open letters as done without sending them; the log keeps them. */
export async function* dropLetters(
  { database }: LetterStorage,
  batches: AsyncIterable<readonly Letter[]> | Iterable<readonly Letter[]>,
): AsyncGenerator<LetterOutcome> {
  for await (const batch of batches) {
    const before = await handledLetters(database, batch);
    await markHandled(
      database,
      batch.filter((letter) => !before.has(placeKey(letter))),
      'dropped',
    );
    for (const letter of batch) {
      const handled = before.get(placeKey(letter)) ?? null;
      yield { letter, outcome: handled === null ? 'done' : 'skipped', handled };
    }
  }
}
