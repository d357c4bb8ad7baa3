/** A bar of progress on standard error, where someone watches. */
import { SingleBar } from 'cli-progress';

export interface ProgressBar {
  /** @param values that the format names */
  readonly show: (done: number, total: number, values?: Readonly<Record<string, string>>) => void;
  readonly stop: () => void;
}

/** @param patienceMs work that is done sooner shows none */
export function progressBar(format: string, patienceMs = 0): ProgressBar {
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, fps: 4 });
  const begun = performance.now();
  let started = false;
  return {
    show: (done, total, values = {}) => {
      if (!process.stderr.isTTY || (!started && performance.now() - begun < patienceMs)) return;
      if (!started) bar.start(total, done, values);
      started = true;
      bar.update(done, values);
    },
    stop: () => {
      if (started) bar.stop();
      started = false;
    },
  };
}
