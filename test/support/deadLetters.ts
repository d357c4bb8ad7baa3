/**
 * Words of the dead letters' cases: messages that can't be used, folds and relays run to the end, what is found then.
 */
import { setMaxListeners } from 'node:events';
import { whenCaughtUp } from '../../src/consume/progress.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EventLog, OutgoingMessage } from '../../src/log/eventLog.ts';
import { letters } from '../../src/operate/deadLetters.ts';
import type { Letter, LetterStorage } from '../../src/operate/deadLetters.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import { runRelays } from '../../src/app/roles.ts';
import type { Database } from '../../src/store/database.ts';
import { patience } from './topics.ts';

export const EVENT_TIME = Date.UTC(2026, 2, 1, 12);
export const STATES_DLQ = 'policy-states-states-DLQ';
export const ALERTING_DLQ = 'policy-states-alerting-DLQ';

export const junk = (text: string, values: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  key: `key of ${text}`,
  payload: Buffer.from(text),
  properties: {},
  eventTime: EVENT_TIME,
  sequenceId: 0,
  ...values,
});

/** Runs every fold and every relay until nothing is left to do. */
export async function settle(database: Database, log: EventLog): Promise<void> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const context = { database, log, rules: DEFAULT_RULES, observer: silentObserver };
  const running = Promise.all([
    ...Object.values(FOLD_RUNNERS).map(async (run) => run(context, stop.signal)),
    runRelays({ database, log }, silentObserver, stop.signal),
  ]);
  try {
    await Promise.race([whenCaughtUp(database, log, FOLDS, patience()), running]);
  } finally {
    stop.abort(new Error('settled'));
    await running;
  }
}

export async function allLetters(storage: LetterStorage, handledToo = true): Promise<Letter[]> {
  const found: Letter[] = [];
  for await (const batch of letters(storage, { handledToo, signal: patience() })) found.push(...batch);
  return found;
}

export async function collect<T>(outcomes: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of outcomes) all.push(one);
  return all;
}
