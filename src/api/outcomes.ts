/** `POST /api/v1/outcomes`: windows of calls, a line each, on their way to their topics. */
import { objectOf } from '../calls/lines.ts';
import { PAYER_COUNT_FIELDS, PAYER_FIELD, PAYER_FIELDS, PAYERS_ARE_OFF, payerWindowOf } from '../calls/payerRecords.ts';
import { openOutcomesPublisher, openPayersPublisher } from '../calls/publish.ts';
import type { OutcomesPublisher, PayersPublisher } from '../calls/publish.ts';
import { BadRecordError, COUNT_FIELDS, WINDOW_FIELDS, windowOf } from '../calls/records.ts';
import { withoutDocuments } from '../domain/documents.ts';
import type { EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import type { PayerOutcomesObserved } from '../domain/payers.ts';
import { isOutage } from '../errors.ts';
import type { EventLog } from '../log/eventLog.ts';
import type { Answer } from '../serve/answer.ts';
import type { IntakeOptions } from '../serve/intake.ts';
import type { LineAnswer } from './answers.ts';

export const OUTCOMES_PATH = '/api/v1/outcomes';

interface TakingIn {
  readonly log: Pick<EventLog, 'producer'>;
  readonly now: () => EpochMs;
  /** Whether anything is kept of payers. */
  readonly payers: boolean;
  /** Told of what is a defect. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** One request after the other stores its lines; those that can't be used are told, and the others stored. */
export function takingIn({ log, now, payers: keepsPayers, onError, signal }: TakingIn): IntakeOptions {
  const calls = keptOpen<OutcomesPublisher>(async () => await openOutcomesPublisher(log, now, signal));
  const payers = keptOpen<PayersPublisher>(async () => await openPayersPublisher(log, now, signal));
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = async (read: readonly ReadLine[]): Promise<void> => {
    const stored = turn.then(async () => {
      await calls(read.flatMap(({ window }) => window ?? []));
      await payers(read.flatMap(({ payer }) => payer ?? []));
    });
    turn = stored.catch(() => undefined);
    await stored;
  };
  const take = async (lines: readonly string[]): Promise<Answer> => {
    const read = lines.flatMap((line, i) =>
      line.trim() === '' ? [] : [readLine(line, i + 1, { now: now(), keepsPayers })],
    );
    try {
      await inTurn(read);
    } catch (error) {
      if (isOutage(error)) return away();
      onError(error);
      throw error;
    }
    return answerOf(read.map(({ answer }) => answer));
  };
  return { path: OUTCOMES_PATH, take, now };
}

interface Storing<E> {
  publish(windows: readonly E[]): Promise<void>;
  close(): Promise<void>;
}

/** Stores by a publisher that is opened when there is something, and stays open as long as nothing fails. */
function keptOpen<P extends Storing<never>>(open: () => Promise<P>): P['publish'] {
  let publisher: P | null = null;
  return async (windows) => {
    if (windows.length === 0) return;
    try {
      publisher ??= await open();
      await publisher.publish(windows);
    } catch (error) {
      // Another one begins anew: what this one's next message would be refused for is its own.
      await publisher?.close().catch(() => undefined);
      publisher = null;
      throw error;
    }
  };
}

interface ReadLine {
  readonly window?: RequestOutcomesObserved;
  readonly payer?: PayerOutcomesObserved;
  readonly answer: LineAnswer;
}

interface Reading {
  readonly now: EpochMs;
  readonly keepsPayers: boolean;
}

type LineRecord = Readonly<Record<string, unknown>>;

function readLine(text: string, line: number, reading: Reading): ReadLine {
  const answer = { line, stored: true, reason: null };
  try {
    const record = objectOf(text);
    return Object.hasOwn(record, PAYER_FIELD)
      ? { payer: readPayer(record, reading), answer }
      : { window: readWindow(record, reading), answer };
  } catch (error) {
    if (!(error instanceof BadRecordError)) throw error;
    return { answer: { line, stored: false, reason: error.message } };
  }
}

function readWindow(record: LineRecord, { now }: Reading): RequestOutcomesObserved {
  checkFields(record, WINDOW_FIELDS);
  checkNumbers(record, COUNT_FIELDS);
  return windowOf(fieldOf(record), {}, now);
}

function readPayer(record: LineRecord, { now, keepsPayers }: Reading): PayerOutcomesObserved {
  if (!keepsPayers) throw new BadRecordError(PAYERS_ARE_OFF);
  checkFields(record, PAYER_FIELDS);
  checkNumbers(record, PAYER_COUNT_FIELDS);
  return payerWindowOf(fieldOf(record), {}, now);
}

const fieldOf =
  (record: LineRecord) =>
  (name: string): unknown =>
    Object.hasOwn(record, name) ? record[name] : undefined;

function checkFields(record: LineRecord, fields: readonly string[]): void {
  const unknown = Object.keys(record).find((name) => name !== 'type' && !fields.includes(name));
  if (unknown === undefined) return;
  // Of a document not even half.
  const shown = JSON.stringify(withoutDocuments(unknown).slice(0, 80));
  throw new BadRecordError(`${shown} is no field: there are ${fields.join(', ')}`);
}

function checkNumbers(record: LineRecord, counts: readonly string[]): void {
  const wrong = counts.find((name) => !['number', 'undefined'].includes(typeof (record[name] ?? undefined)));
  if (wrong !== undefined) throw new BadRecordError(`${wrong} must be a number`);
}

/** 207 where lines were refused: a client that looks at the status alone does not take it for done. */
const answerOf = (answers: readonly LineAnswer[]): Answer => ({
  status: answers.every(({ stored }) => stored) ? 200 : 207,
  type: 'application/x-ndjson',
  body: answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''),
  headers: { 'cache-control': 'no-store' },
});

const away = (): Answer => ({
  ...{ status: 503, type: 'text/plain; charset=utf-8' },
  body: 'the log does not answer: some lines may be stored; send all of them again',
  headers: { 'retry-after': '2' },
});
