/**
 * Sends the messages of dead letters to their topics again, as they came.
 *
 * A message is published first and its letter marked afterwards: a crash in between at worst publishes it again with
 * the next retry, which folds answer with no effect. Every fold of the topic sees it, also those that could use it.
 */
import type { OutgoingMessage, Producer } from '../log/eventLog.ts';
import { ProducerBusyError } from '../log/eventLog.ts';
import { handledLetters, markHandled, placeKey } from '../store/deadLetters.ts';
import type { Handled } from '../store/deadLetters.ts';
import type { Letter, LetterOutcome, LetterStorage } from './deadLetters.ts';
import { UsageError } from '../errors.ts';

export const RETRY_PRODUCER = 'dead-letters-retry';

interface Sender {
  readonly producer: Producer;
  nextId: number;
  /** Messages sent by this run, by where they first lay: two folds may have set the same one aside. */
  readonly sent: Set<string>;
}

/** @throws {UsageError} another retry is at work */
export async function* retryLetters(
  storage: LetterStorage,
  batches: AsyncIterable<readonly Letter[]> | Iterable<readonly Letter[]>,
  signal: AbortSignal,
): AsyncGenerator<LetterOutcome> {
  const senders = new Map<string, Sender>();
  try {
    for await (const batch of batches) {
      for (const [source, own] of bySource(batch)) {
        signal.throwIfAborted();
        const sender = senders.get(source) ?? (await openSender(storage, source, signal));
        senders.set(source, sender);
        yield* await retryBatch(storage, sender, own);
      }
    }
  } finally {
    for (const { producer } of senders.values()) await producer.close();
  }
}

function bySource(batch: readonly Letter[]): Map<string, Letter[]> {
  const groups = new Map<string, Letter[]>();
  for (const letter of batch) groups.set(letter.source, [...(groups.get(letter.source) ?? []), letter]);
  return groups;
}

async function openSender({ log }: LetterStorage, source: string, signal: AbortSignal): Promise<Sender> {
  try {
    const producer = await log.producer(source, { name: RETRY_PRODUCER, access: 'exclusive', signal });
    return { producer, nextId: producer.lastSequenceId + 1, sent: new Set() };
  } catch (error) {
    if (!(error instanceof ProducerBusyError)) throw error;
    throw new UsageError(`another retry of dead letters is at work on topic ${source}: wait until it is done`);
  }
}

/** What was handled is asked for under the producer's exclusive name: nobody else retries meanwhile. */
async function retryBatch(
  { database }: LetterStorage,
  sender: Sender,
  batch: readonly Letter[],
): Promise<LetterOutcome[]> {
  const handled = await handledLetters(database, batch);
  const before = (letter: Letter): Handled | null => handled.get(placeKey(letter)) ?? null;
  const due = new Set(batch.filter((letter) => isWhole(letter) && isDue(letter, before(letter))));
  const messages: OutgoingMessage[] = [];
  for (const letter of due) {
    const message = messageKey(letter);
    if (sender.sent.has(message)) continue;
    sender.sent.add(message);
    messages.push(messageOf(letter, sender.nextId++));
  }
  await sender.producer.send(messages);
  await markHandled(database, [...due], 'retried');
  return batch.map((letter) => ({
    letter,
    outcome: due.has(letter) ? 'done' : isWhole(letter) ? 'skipped' : 'cut',
    handled: before(letter),
  }));
}

/** What is left of a message that was too large for a letter is not that message. */
const isWhole = ({ facts }: Letter): boolean => facts.cutFromBytes === null;

/** One that was dropped may be retried after all, if that was known when it was chosen. */
const isDue = (letter: Letter, now: Handled | null): boolean =>
  now?.action !== 'retried' && now?.action === letter.handled?.action;

/** Where the message first lay; a letter that doesn't say stands for itself. */
function messageKey(letter: Letter): string {
  const { sourcePartition, sourcePosition } = letter.facts;
  return sourcePartition === null || sourcePosition === null ? letter.id : `${sourcePartition}/${sourcePosition}`;
}

const messageOf = ({ facts, message }: Letter, sequenceId: number): OutgoingMessage => ({
  key: message.key,
  payload: message.payload,
  properties: facts.original,
  eventTime: sendableTime(facts.sourceEventTime) ?? sendableTime(message.eventTime) ?? 0,
  sequenceId,
});

/** A time that no client can have sent exactly is not sent again. */
const sendableTime = (time: number | null): number | null =>
  time !== null && Number.isSafeInteger(time) && time >= 0 ? time : null;
