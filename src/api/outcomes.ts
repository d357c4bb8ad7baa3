/** `POST /api/v1/outcomes`: windows of calls, a line each, on their way to the topic. */
import { objectOf } from '../calls/lines.ts';
import { openOutcomesPublisher } from '../calls/publish.ts';
import type { OutcomesPublisher } from '../calls/publish.ts';
import { BadRecordError, COUNT_FIELDS, WINDOW_FIELDS, windowOf } from '../calls/records.ts';
import type { EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { isOutage } from '../errors.ts';
import type { EventLog } from '../log/eventLog.ts';
import type { Answer } from '../serve/answer.ts';
import type { IntakeOptions } from '../serve/intake.ts';
import type { LineAnswer } from './answers.ts';

export const OUTCOMES_PATH = '/api/v1/outcomes';

interface TakingIn {
  readonly log: Pick<EventLog, 'producer'>;
  readonly now: () => EpochMs;
  /** Told of what is a defect. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** One request after the other stores its lines; those that can't be used are told, and the others stored. */
export function takingIn({ log, now, onError, signal }: TakingIn): IntakeOptions {
  let publisher: OutcomesPublisher | null = null;
  const publish = async (windows: readonly RequestOutcomesObserved[]): Promise<void> => {
    try {
      publisher ??= await openOutcomesPublisher(log, now, signal);
      await publisher.publish(windows);
    } catch (error) {
      // Another one begins anew: what this one's next message would be refused for is its own.
      await publisher?.close().catch(() => undefined);
      publisher = null;
      throw error;
    }
  };
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = async (windows: readonly RequestOutcomesObserved[]): Promise<void> => {
    const stored = turn.then(async () => await publish(windows));
    turn = stored.catch(() => undefined);
    await stored;
  };
  const take = async (lines: readonly string[]): Promise<Answer> => {
    const read = lines.flatMap((line, i) => (line.trim() === '' ? [] : [readLine(line, i + 1, now())]));
    const windows = read.flatMap(({ window }) => window ?? []);
    try {
      if (windows.length > 0) await inTurn(windows);
    } catch (error) {
      if (isOutage(error)) return away();
      onError(error);
      throw error;
    }
    return answerOf(read.map(({ answer }) => answer));
  };
  return { path: OUTCOMES_PATH, take, now };
}

interface ReadLine {
  readonly window: RequestOutcomesObserved | null;
  readonly answer: LineAnswer;
}

const FIELDS: ReadonlySet<string> = new Set([...WINDOW_FIELDS, 'type']);

function readLine(text: string, line: number, now: EpochMs): ReadLine {
  try {
    const record = objectOf(text);
    const unknown = Object.keys(record).find((name) => !FIELDS.has(name));
    if (unknown !== undefined)
      throw new BadRecordError(
        `${JSON.stringify(unknown.slice(0, 80))} is no field: there are ${WINDOW_FIELDS.join(', ')}`,
      );
    const wrong = COUNT_FIELDS.find((name) => !['number', 'undefined'].includes(typeof (record[name] ?? undefined)));
    if (wrong !== undefined) throw new BadRecordError(`${wrong} must be a number`);
    const field = (name: string): unknown => (Object.hasOwn(record, name) ? record[name] : undefined);
    return { window: windowOf(field, {}, now), answer: { line, stored: true, reason: null } };
  } catch (error) {
    if (!(error instanceof BadRecordError)) throw error;
    return { window: null, answer: { line, stored: false, reason: error.message } };
  }
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
