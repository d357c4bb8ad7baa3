/** The few RxJS operators that every flow is written with. They say what follows what; state lives elsewhere. */
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  ignoreElements,
  iif,
  lastValueFrom,
  of,
  repeat,
  retry,
  throwError,
} from 'rxjs';
import type { MonoTypeOperatorFunction, Observable, OperatorFunction } from 'rxjs';
import { waitAfter } from './patience.ts';
import type { Patience } from './patience.ts';

interface Closable {
  close(): Promise<void>;
}

/**
 * Subscribes again after an outage, with growing waits; after a value they begin from the smallest. It belongs around
 * work that can begin again, never around a stream whose place would be lost.
 */
export const retryOutage = <T>(patience: Patience): MonoTypeOperatorFunction<T> =>
  retry({ delay: async (error: unknown, failures) => waitAfter(patience, error, failures), resetOnSuccess: true });

/** One step of a flow: takes the next value only when the work on the one before has succeeded. */
export const steps =
  (patience: Patience) =>
  <A, B>(work: (value: A) => Promise<B>): OperatorFunction<A, B> =>
    concatMap((value) => defer(async () => work(value)).pipe(retryOutage(patience)));

/** Subscribes again as long as `goesOn`, asked before each turn: a turn that has begun is finished. */
export const repeatWhile =
  <T>(goesOn: () => boolean): MonoTypeOperatorFunction<T> =>
  (turn) =>
    iif(goesOn, turn.pipe(repeat({ delay: () => iif(goesOn, of(true), EMPTY) })), EMPTY);

export const untilAborted = <T>(signal: AbortSignal): MonoTypeOperatorFunction<T> => repeatWhile(() => !signal.aborted);

/** A flow on something that was opened, which is closed however the flow ends: the next owner can have it at once. */
export const whileOpen = <R extends Closable, T>(flow: (resource: R) => Observable<T>): OperatorFunction<R, T> =>
  concatMap((resource) => {
    const closed = defer(async () => resource.close()).pipe(ignoreElements());
    const closedAfter = (error: unknown) =>
      concat(
        closed,
        throwError(() => error),
      );
    return concat(flow(resource).pipe(catchError(closedAfter)), closed);
  });

/** Resolves when the flow has completed. Once the signal has aborted, an error is an end like any other. */
export async function run(flow: Observable<unknown>, signal: AbortSignal): Promise<void> {
  await lastValueFrom(flow, { defaultValue: undefined }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
