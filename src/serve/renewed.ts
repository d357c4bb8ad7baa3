/**
 * Files that are replaced while the process runs: secrets, certificates. They are looked at every few seconds, for
 * notice of a change is not to be had of every mounted secret.
 */
import { readFile } from 'node:fs/promises';

export interface Renewal {
  readonly files: readonly string[];
  /** Given their contents when any of them changed. It may throw: what was before then stays, and it is tried again. */
  readonly replace: (contents: readonly Buffer[]) => void;
  /** Told once of each new reason why what was before stays. */
  readonly onStale: (error: unknown) => void;
  /** Milliseconds. */
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;

/** @returns ends it */
export function renew({ files, replace, onStale, everyMs = EVERY_MS }: Renewal, first: readonly Buffer[]): () => void {
  let known = Buffer.concat(first);
  let told = '';
  const look = async (): Promise<void> => {
    try {
      const contents = await Promise.all(files.map(async (file) => await readFile(file)));
      const all = Buffer.concat(contents);
      if (all.equals(known)) return;
      replace(contents);
      known = all;
      told = '';
    } catch (error) {
      if (told !== String(error)) onStale(error);
      told = String(error);
    }
  };
  let looking: Promise<void> | null = null;
  const timer = setInterval(() => {
    looking ??= look().finally(() => (looking = null));
  }, everyMs).unref();
  return () => clearInterval(timer);
}
