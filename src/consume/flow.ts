/** RxJS pieces that the consumers and the relay share. They carry flow; state lives in the processors. */
import {
  catchError,
  defer,
  EMPTY,
  from,
  fromEvent,
  map,
  Observable,
  race,
  repeat,
  retry,
  takeWhile,
  timer,
} from 'rxjs';
import type { MonoTypeOperatorFunction } from 'rxjs';
import { advised } from '../advice.ts';
import type { Consumer } from '../log/eventLog.ts';
import { isOutage } from '../errors.ts';
import type { ConsumeObserver } from './observer.ts';

const FIRST_WAIT_MS = 200;
const MAX_WAIT_MS = 10_000;

/**
 * Tries one step again while the database or the log is away: for ever, with growing waits, so that nothing is lost.
 * An abort ends the wait, and the step with the error it last had.
 * It belongs around one step, never around the stream: `retry` subscribes its source anew.
 */
export function retryOutage<T>(
  who: string,
  observer: Pick<ConsumeObserver, 'retrying'>,
  signal: AbortSignal,
): MonoTypeOperatorFunction<T> {
  return retry<T>({
    delay: (error: unknown, attempt) => {
      if (signal.aborted || !isOutage(error)) throw error;
      const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt - 1, 10));
      observer.retrying(who, advised(error, attempt), waitMs);
      const aborted = fromEvent(signal, 'abort').pipe(
        map(() => {
          throw error;
        }),
      );
      return race(timer(waitMs), aborted);
    },
    resetOnSuccess: true,
  });
}

/**
 * Runs `turn` again and again until the signal aborts. A turn under way is finished first: nothing is torn down in the
 * middle of a commit.
 */
export function turns(turn: () => Observable<unknown>, signal: AbortSignal): Observable<unknown> {
  return defer(turn).pipe(
    repeat(),
    takeWhile(() => !signal.aborted),
    catchError((error: unknown) => {
      if (signal.aborted) return EMPTY;
      throw error;
    }),
  );
}

export const once = <T>(work: () => Promise<T>): Observable<T> => defer(() => from(work()));

/**
 * Long work as one turn. Whenever it calls `alive`, waits between attempts begin from the smallest again: a process
 * that has seen many outages is as quick after the next one.
 */
export const whileAlive = (work: (alive: () => void) => Promise<void>, signal: AbortSignal): Observable<unknown> =>
  new Observable((subscriber) => {
    const alive = (): void => {
      // Once aborted, only the end of the work may end the stream.
      if (!signal.aborted) subscriber.next(undefined);
    };
    work(alive).then(
      () => {
        subscriber.next(undefined);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
  });

/** Whoever opens a consumer closes it: its partitions go to the next one at once. */
export async function usingConsumer<T>(consumer: Consumer, work: (consumer: Consumer) => Promise<T>): Promise<T> {
  try {
    return await work(consumer);
  } finally {
    await consumer.close();
  }
}
