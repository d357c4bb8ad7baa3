/**
 * Steps of a rebuild that an outage broke off are begun again. Each of them can be: it looks at what is there first.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { advised } from '../advice.ts';
import { LogUnavailableError } from '../log/eventLog.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import { doubling } from '../waiting.ts';

export interface Patience {
  readonly signal: AbortSignal;
  readonly retrying: (error: Error, waitMs: number) => void;
  /** First and longest wait after an outage, milliseconds. */
  readonly waitsMs?: readonly [number, number] | undefined;
}

const WAITS_MS = [500, 10_000] as const;

const isOutage = (error: unknown): error is Error =>
  error instanceof DatabaseUnavailableError || error instanceof LogUnavailableError;

/**
 * A step that an outage broke off is begun again, until told to stop. It may have been done all the same, its answer
 * lost. Waits begin from the smallest again after an attempt that went well for longer than the longest of them.
 * @param passes what else passes when tried again
 */
export async function patiently<R>(
  { signal, retrying, waitsMs: [first, longest] = WAITS_MS }: Patience,
  step: () => Promise<R>,
  passes: (error: unknown) => boolean = () => false,
): Promise<R> {
  let waits = doubling(first, longest);
  for (let failures = 1; ; failures += 1) {
    const startedAt = performance.now();
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof Error) || !(isOutage(error) || passes(error)) || signal.aborted) throw error;
      if (performance.now() - startedAt > longest) waits = doubling(first, longest);
      const waitMs = waits.next().value;
      retrying(advised(error, failures), waitMs);
      await delay(waitMs, undefined, { signal });
    }
  }
}
