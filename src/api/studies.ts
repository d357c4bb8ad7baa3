/** Questions that read much: one at a time, for as long as somebody waits for the answer and not for ever. */
import { setMaxListeners } from 'node:events';
import { OutageError } from '../errors.ts';
import { abortable } from '../waiting.ts';
import { TooMuchError } from './problem.ts';

/** Whoever drags a slider is not kept waiting, nor the server, which gives up after 12 s. Milliseconds. */
const LIMIT_MS = 10_000;
/** So many questions may wait. */
const MOST_WAITING = 20;

interface Study {
  readonly answer: Promise<unknown>;
  readonly stop: AbortController;
  askers: number;
}

interface Limits {
  readonly limitMs?: number;
  readonly mostWaiting?: number;
}

export class Studies {
  readonly #limits: Required<Limits>;
  readonly #running = new Map<string, Study>();
  #last: Promise<unknown> = Promise.resolve();

  constructor({ limitMs = LIMIT_MS, mostWaiting = MOST_WAITING }: Limits = {}) {
    this.#limits = { limitMs, mostWaiting };
  }

  /**
   * What `work` gives. Whoever asks for the same meanwhile shares it; it is cancelled when none of them waits any more.
   * @param key tells what is asked
   * @throws {TooMuchError} it takes too long
   * @throws {OutageError} too many wait already
   */
  async ask<T>(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const study = this.#running.get(key) ?? this.#begin(key, work);
    study.askers += 1;
    try {
      return (await abortable(study.answer, signal)) as T;
    } finally {
      study.askers -= 1;
      if (study.askers === 0) {
        study.stop.abort();
        // Who asks from now on begins anew, whatever the cancelled one still does.
        if (this.#running.get(key) === study) this.#running.delete(key);
      }
    }
  }

  #begin<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Study {
    if (this.#running.size >= this.#limits.mostWaiting)
      throw new OutageError(`${this.#running.size} other questions about history wait already: try again`);
    const stop = new AbortController();
    const answer = this.#last.then(async () => await this.#inTime(stop.signal, work));
    this.#last = answer.catch(() => undefined);
    const study = { answer, stop, askers: 0 };
    this.#running.set(key, study);
    return study;
  }

  async #inTime<T>(stop: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    stop.throwIfAborted();
    const late = AbortSignal.timeout(this.#limits.limitMs);
    const signal = AbortSignal.any([stop, late]);
    setMaxListeners(0, signal);
    try {
      return await work(signal);
    } catch (error) {
      if (!late.aborted) throw error;
      throw new TooMuchError(
        `this takes longer than ${this.#limits.limitMs / 1000} s: name a participant, a policy and a from not so long ago, or ask balde what-if, which has no limit`,
        { cause: error },
      );
    }
  }
}
