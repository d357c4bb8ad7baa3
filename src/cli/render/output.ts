/**
 * Output of a process that must go on whoever reads it: a pipe that nobody empties, a reader that went away or a
 * terminal that was closed neither stop nor end it. Node.js writes to pipes synchronously: a full one would hold up
 * every role.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { visibleLines } from '../../visible.ts';

/** Kept for a reader that is slow; what comes while it is full is left out, and counted. Characters. */
const MAX_WAITING = 256 * 1024;
const RETRY_MS = 100;

export interface Output {
  /** What of the text can't be seen, or moves a terminal's cursor, is written out. */
  write(text: string): void;
  /** Gives the reader up to `ms` to take what is left. */
  drain(ms: number): Promise<void>;
}

/** A text as bytes of which the first were written. */
interface Rest {
  readonly bytes: Buffer;
  readonly from: number;
}

/**
 * @param descriptor 1 or 2
 * @param confess a line that says how many were left out
 */
export function openOutput(descriptor: number, confess: (lines: number) => string): Output {
  const { fd, close } = nonBlocking(descriptor);
  const waiting: Rest[] = [];
  let size = 0;
  let leftOut = 0;
  let isGone = false;
  let timer: NodeJS.Timeout | undefined;

  /** Whether all of it was written; what was not is put back. */
  const flush = (): boolean => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const written = tryWrite(fd, next);
      if (written === 'gone') {
        isGone = true;
        waiting.length = 0;
        size = 0;
        close();
        return true;
      }
      if (written === 0) return false;
      size -= written;
      waiting.shift();
      const from = next.from + written;
      if (from < next.bytes.length) waiting.unshift({ bytes: next.bytes, from });
    }
    return true;
  };
  const add = (text: string): void => {
    const bytes = Buffer.from(visibleLines(text));
    waiting.push({ bytes, from: 0 });
    size += bytes.length;
  };
  const pump = (): void => {
    timer = undefined;
    if (flush() && leftOut > 0 && !isGone) {
      add(`${confess(leftOut)}\n`);
      leftOut = 0;
      flush();
    }
    if (waiting.length > 0) timer = setTimeout(pump, RETRY_MS).unref();
  };
  return {
    write: (text) => {
      if (isGone) return;
      if (size > MAX_WAITING) leftOut += 1;
      else add(text);
      if (timer === undefined) pump();
    },
    drain: async (ms) => {
      const until = performance.now() + ms;
      while (waiting.length > 0 && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        flush();
      }
    },
  };
}

/** Bytes written, none while the reader has no room; `gone` when there is no reader any more. */
function tryWrite(fd: number, { bytes, from }: Rest): number | 'gone' {
  try {
    return writeSync(fd, bytes, from);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EAGAIN' ? 0 : 'gone';
  }
}

/**
 * The same pipe or terminal opened anew, so that not waiting for it concerns nobody else who writes there. What can't
 * be opened so, such as a socket, is used as it is; and so is a file, which holds nothing up: opened anew it would have
 * a place of its own, and `> file 2>&1` would write one over the other.
 */
function nonBlocking(descriptor: number): { readonly fd: number; readonly close: () => void } {
  const asItIs = { fd: descriptor, close: () => undefined };
  try {
    if (fstatSync(descriptor).isFile()) return asItIs;
    const { O_WRONLY, O_APPEND, O_NONBLOCK } = constants;
    const fd = openSync(`/dev/fd/${descriptor}`, O_WRONLY | O_APPEND | O_NONBLOCK);
    return { fd, close: () => closeSync(fd) };
  } catch {
    return asItIs;
  }
}
