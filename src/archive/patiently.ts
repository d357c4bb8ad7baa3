/** Trying again while something is away: for ever, with growing waits, so that nothing is lost. */
import { advised } from '../advice.ts';
import { systemClock } from '../clock.ts';
import { LogUnavailableError } from '../log/eventLog.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import { doubling } from '../waiting.ts';
import { ArchiveUnavailableError } from './errors.ts';

const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [200, 10_000];

const isTransient = (error: unknown): error is Error =>
  error instanceof ArchiveUnavailableError ||
  error instanceof LogUnavailableError ||
  error instanceof DatabaseUnavailableError;

export interface Patience {
  /** Who waits, for logs and metrics. */
  readonly who: string;
  readonly signal: AbortSignal;
  /** The archive, the log or the database can't be used now; tried again in `waitMs`. */
  readonly retrying: (who: string, error: Error, waitMs: number) => void;
}

/** Rejects with an error that won't pass, or with the last one once the signal has aborted. */
export async function patiently<T>({ who, signal, retrying }: Patience, work: () => Promise<T>): Promise<T> {
  const waits = doubling(FIRST_WAIT_MS, LONGEST_WAIT_MS);
  for (let failures = 1; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      const waitMs = waits.next().value;
      retrying(who, advised(error, failures), waitMs);
      await systemClock.sleep(waitMs, signal);
    }
  }
}
