/**
 * The relay: takes decided events from the outbox to their topic, exactly once.
 *
 * One relay per topic is active (the producer's exclusive access elects it). It numbers entries in a transaction of its
 * own, sends them under those ids and then removes them: after a crash in between, the same bytes go out under the
 * same ids and the log drops them.
 */
import { concatMap, lastValueFrom } from 'rxjs';
import type { EventLog, Producer } from '../log/eventLog.ts';
import { ProducerFencedError } from '../log/eventLog.ts';
import type { Database } from '../store/database.ts';
import { numberOutbox, OUTBOX_CHANNEL, raiseOutboxSequence, removeFromOutbox } from '../store/outbox.ts';
import { StandingSession } from '../store/standingSession.ts';
import { Wakeup } from '../waiting.ts';
import { once, retryOutage, turns } from './flow.ts';
import type { ConsumeObserver } from './observer.ts';

export interface RelayOptions {
  readonly database: Database;
  readonly log: EventLog;
  readonly topic: string;
  readonly observer: ConsumeObserver;
}

const BATCH = 1_000;
/** A notification can be lost with its connection: look again after this long. Milliseconds. */
const FALLBACK_MS = 2_000;

/** Runs until the signal aborts and what is under way is sent; rejects on an error that won't pass. */
export async function relay(options: RelayOptions, signal: AbortSignal): Promise<void> {
  const { database, observer, topic } = options;
  const wakeup = new Wakeup();
  const listening = new StandingSession(database, async (session) => {
    session.onNotification(() => wakeup.wake());
    await session.execute(`listen ${OUTBOX_CHANNEL}`);
    wakeup.wake();
  });
  const outage = <T>() => retryOutage<T>(`relay ${topic}`, observer, signal);
  const term = async (): Promise<void> => holdOffice(options, wakeup, signal);
  const running = turns(() => once(term).pipe(outage()), signal);
  try {
    await lastValueFrom(running.pipe(concatMap(() => [])), { defaultValue: undefined });
  } finally {
    await listening.close();
  }
}

/** From the election until fenced or aborted. */
async function holdOffice(options: RelayOptions, wakeup: Wakeup, signal: AbortSignal): Promise<void> {
  const { log, topic, database } = options;
  const producer = await log.producer(topic, { name: `relay-${topic}`, access: 'waitForExclusive', signal });
  try {
    await raiseOutboxSequence(database, topic, producer.lastSequenceId);
    while (!signal.aborted) {
      const seen = wakeup.count;
      if (!(await forward(options, producer))) await wakeup.wait(seen, FALLBACK_MS, signal);
    }
  } catch (error) {
    if (!(error instanceof ProducerFencedError)) throw error;
  } finally {
    await producer.close();
  }
}

/** Sends the oldest entries. @returns whether there were any */
async function forward({ database, topic, observer }: RelayOptions, producer: Producer): Promise<boolean> {
  const start = performance.now();
  const entries = await database.transaction(async (tx) => numberOutbox(tx, topic, BATCH));
  const last = entries.at(-1);
  if (last === undefined) return false;
  const { stored, duplicates } = await producer.send(entries);
  await removeFromOutbox(database, topic, last.sequenceId);
  observer.relayed(topic, stored, duplicates, (performance.now() - start) / 1000);
  return true;
}
