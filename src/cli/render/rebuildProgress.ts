/** Progress of a rebuild on standard error: a bar where someone watches, lines where nobody does. */
import { tellLine } from '../print.ts';
import { SingleBar } from 'cli-progress';
import type { RebuildObserver } from '../../rebuild/rebuild.ts';

const FORMAT = 'filling  {bar} {percentage}%  {value}/{total} events  {speed} events/s  {eta_formatted} left';
/** Between two lines, where there is no bar. Milliseconds. */
const LINE_MS = 10_000;

export interface RebuildProgress {
  readonly observer: RebuildObserver;
  stop(): void;
  /** How long the filling took, seconds. */
  seconds(): number;
}

export function rebuildProgress(): RebuildProgress {
  const isWatched = process.stderr.isTTY;
  const bar = new SingleBar({ format: FORMAT, stream: process.stderr, hideCursor: true, fps: 4 });
  let isShown = false;
  let total: number | null = null;
  let done = 0;
  /** What was done, and when, before the filling went on after an outage. */
  let before = { done: 0, at: performance.now() };
  let startedAt: number | null = null;
  let endedAt: number | null = null;
  let saidAt = performance.now();
  const speed = (): number =>
    Math.round((done - before.done) / Math.max(0.001, (performance.now() - before.at) / 1000));
  const stop = (): void => {
    if (isShown) bar.stop();
    isShown = false;
  };
  const say = (line: string): void => {
    stop();
    tellLine(line);
  };
  return {
    stop,
    seconds: () => ((endedAt ?? performance.now()) - (startedAt ?? performance.now())) / 1000,
    observer: {
      filling: (version, remaining, resumed) => {
        total = remaining === null ? null : done + remaining;
        before = { done, at: performance.now() };
        startedAt ??= before.at;
        const what = `version ${version.version} of ${version.name} from ${version.source ?? 'the log'}`;
        say(resumed ? `going on with ${what}` : `filling ${what}`);
        if (!isWatched || remaining === null || remaining === 0) return;
        bar.start(done + remaining, done, { speed: '-' });
        isShown = true;
      },
      committed: (messages) => {
        done += messages;
        if (isShown) bar.update(done, { speed: speed() });
        else if (performance.now() - saidAt > LINE_MS) {
          saidAt = performance.now();
          tellLine(`${done}${total === null ? '' : ` of ${total}`} events, ${speed()} events/s`);
        }
      },
      step: (what) => {
        endedAt ??= performance.now();
        say(what);
      },
      retrying: (error, waitMs) => say(`${error.message}: again in ${waitMs / 1000} s`),
    },
  };
}
