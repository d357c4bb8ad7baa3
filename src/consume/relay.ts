/**
 * The relay: takes decided events from the outbox to their topic, exactly once.
 * One relay per topic is active (the producer's exclusive access elects it). It begins its term by reading
 * back what the topic holds that the database may not know of. Then it numbers entries in a transaction of
 * its own, sends them under those ids and removes them; a send that is repeated carries the same bytes under
 * the same ids, and the log drops them.
 */
import { catchError, concatMap, defer, EMPTY, takeWhile } from 'rxjs';
import type { Observable } from 'rxjs';
import { retryOutage, run, untilAborted, whileOpen } from '../flow.ts';
import type { EventLog, Producer, SendResult } from '../log/eventLog.ts';
import { MessageRefusedError, ProducerFencedError } from '../log/eventLog.ts';
import { endsOf } from '../log/readRange.ts';
import { messagingAttributes } from '../log/spans.ts';
import { patienceOf } from '../patience.ts';
import { required } from '../required.ts';
import type { Database } from '../store/database.ts';
import {
  loadWatermark,
  numberOutbox,
  oldestFitting,
  OUTBOX_CHANNEL,
  outboxSequence,
  raiseOutboxSequence,
  removeFromOutbox,
  replaceInOutbox,
  saveWatermark,
  settleOutbox,
} from '../store/outbox.ts';
import type { OutboxEntry } from '../store/outbox.ts';
import { StandingSession } from '../store/standingSession.ts';
import { joined, SpanKind, traced } from '../tracing.ts';
import type { Wakeup } from '../waiting.ts';
import { isDeadLetterTopic } from '../codec/topics.ts';
import { fitted } from './deadLetter.ts';
import type { ConsumeObserver } from './observer.ts';
import { OutboxBell } from './outboxBell.ts';
import { readBack } from './readBack.ts';

export interface RelayOptions {
  readonly database: Database;
  readonly log: EventLog;
  readonly topic: string;
  readonly observer: ConsumeObserver;
  /** Rung by the processors of this process. */
  readonly bell?: OutboxBell;
}

const BATCH = 1_000;
/** Bytes of letters sent together: what is under way is in memory several times. */
const LETTER_BATCH_BYTES = 32_000_000;
/** A letter that is refused is cut to a quarter, and again; below so many bytes it is not its size. */
const MIN_CUT = 1_024;
/** A notification can be lost with its connection: look again after this long. Milliseconds. */
const FALLBACK_MS = 2_000;

/** Runs until the signal aborts and what is under way is sent; rejects on an error that won't pass. */
export async function relay(options: RelayOptions, signal: AbortSignal): Promise<void> {
  const { database, observer, topic, bell = new OutboxBell() } = options;
  const wakeup = bell.of(topic);
  const listening = new StandingSession(database, async (session) => {
    session.onNotification((_, filled) => {
      if (filled === topic) wakeup.wake();
    });
    await session.execute(`listen ${OUTBOX_CHANNEL}`);
    wakeup.wake();
  });
  const lead = (producer: Producer) =>
    defer(async () => beginTerm(options, producer, signal)).pipe(
      concatMap((term) => forwardAll(options, { producer, term, wakeup }, signal)),
    );
  const terms = defer(async () => elected(options, signal)).pipe(
    whileOpen(lead),
    catchError(endOfTerm),
    retryOutage(patienceOf(nameOf(topic), observer, signal)),
    untilAborted(signal),
  );
  try {
    await run(terms, signal);
  } finally {
    await listening.close();
  }
}

const nameOf = (topic: string): string => `relay ${topic}`;

/** Stands by until this relay is the active one of its topic. */
async function elected({ log, topic, observer }: RelayOptions, signal: AbortSignal): Promise<Producer> {
  const office = (state: 'active' | 'standby'): void => observer.office(nameOf(topic), state);
  const producer = await log.producer(topic, {
    name: `relay-${topic}`,
    access: 'waitForExclusive',
    onStandby: () => office('standby'),
    signal,
  });
  office('active');
  return producer;
}

/** Another relay took over: this one stands by again. */
function endOfTerm(error: unknown): Observable<never> {
  if (error instanceof ProducerFencedError) return EMPTY;
  throw error;
}

interface Leading {
  readonly producer: Producer;
  readonly term: Term;
  readonly wakeup: Wakeup;
}

/** Sends what the outbox has, and what comes; ends when the database turns out to have been restored. */
function forwardAll(options: RelayOptions, { producer, term, wakeup }: Leading, signal: AbortSignal) {
  const turn = async (): Promise<Forwarded> => {
    const seen = wakeup.count;
    const outcome = await forward(options, producer, term);
    if (outcome === 'nothing') await wakeup.wait(seen, FALLBACK_MS, signal);
    return outcome;
  };
  return defer(turn).pipe(
    untilAborted(signal),
    takeWhile((outcome) => outcome !== 'restored'),
  );
}

interface Term {
  /**
   * `event_id` of what is on the topic and never left the outbox, as this database knows it. A database that
   * was restored brings them again, sooner or later; the watermark stays before them until then.
   */
  readonly published: Set<string>;
  /** The highest number given in this term. */
  highest: number;
}

async function beginTerm(
  { database, log, topic, observer }: RelayOptions,
  producer: Producer,
  signal: AbortSignal,
): Promise<Term> {
  const { published, ends } = await readBack(log, topic, await loadWatermark(database, topic), signal);
  await raiseOutboxSequence(database, topic, producer.lastSequenceId);
  return await database.transaction(async (tx) => {
    const left = await settleOutbox(tx, topic, published, producer.lastSequenceId);
    for (const id of left) published.delete(id);
    if (left.length > 0) observer.relayed(topic, 0, left.length, 0);
    if (published.size === 0) await saveWatermark(tx, topic, ends);
    return { published, highest: await outboxSequence(tx, topic) };
  });
}

type Forwarded = 'sent' | 'nothing' | 'restored';

/** Sends the oldest entries. */
async function forward(options: RelayOptions, producer: Producer, term: Term): Promise<Forwarded> {
  const { database, log, topic, observer } = options;
  const start = performance.now();
  // Letters may be as large as the broker takes them.
  const most = isDeadLetterTopic(topic) ? await oldestFitting(database, topic, BATCH, LETTER_BATCH_BYTES) : BATCH;
  const { entries, previous, highest } = await numberOutbox(database, topic, most);
  // Numbers that were given before are given again: what they were given to may be on the topic.
  if (previous !== term.highest) return 'restored';
  term.highest = highest;
  const last = entries.at(-1);
  if (last === undefined) return 'nothing';

  const fresh = entries.filter((entry) => !term.published.has(eventIdOf(entry)));
  const sent = await tracedSend(options, fresh, async () => await sendOrCut(options, producer, fresh));
  if (sent === 'cut') return 'sent';
  const { stored, duplicates } = sent;
  const seconds = (performance.now() - start) / 1000;
  for (const entry of entries) term.published.delete(eventIdOf(entry));
  const ends = term.published.size === 0 ? await endsOf(log, topic) : null;
  await database.transaction(async (tx) => {
    await removeFromOutbox(tx, topic, last.sequenceId);
    if (ends !== null) await saveWatermark(tx, topic, ends);
  });
  observer.relayed(topic, stored, duplicates + entries.length - fresh.length, seconds);
  return 'sent';
}

const eventIdOf = ({ properties }: OutboxEntry): string =>
  required(properties['event_id'], 'alert events and letters name their event');

/** The spans that made the entries are the parent, or linked. What the entries carry stays: the topic may have them. */
async function tracedSend<T>(
  { log, topic }: RelayOptions,
  entries: readonly OutboxEntry[],
  work: () => Promise<T>,
): Promise<T> {
  if (entries.length === 0) return await work();
  const attributes = {
    ...messagingAttributes('send', log, topic),
    'messaging.batch.message_count': entries.length,
  };
  return await traced(`send ${topic}`, { kind: SpanKind.CLIENT, attributes, ...joined(entries) }, work);
}

/**
 * A letter that is too large for this log must not stop those behind it: it is cut, and sent with the next
 * batch.
 */
async function sendOrCut(
  { database, topic }: RelayOptions,
  producer: Producer,
  entries: readonly OutboxEntry[],
): Promise<SendResult | 'cut'> {
  try {
    return await producer.send(entries);
  } catch (error) {
    const [largest] = [...entries].sort((a, b) => b.payload.length - a.payload.length);
    if (!(error instanceof MessageRefusedError) || !isDeadLetterTopic(topic)) throw error;
    if (largest === undefined || largest.payload.length <= MIN_CUT) throw error;
    await replaceInOutbox(database, fitted(largest, Math.ceil(largest.payload.length / 4)));
    return 'cut';
  }
}
