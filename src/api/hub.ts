/**
 * One look at the database for all who watch. While anybody listens, it asks every half second whether something was
 * committed, and reads the overview when there was; nobody listening, it rests.
 */
import { pause } from '../waiting.ts';
import { changeBetween, compared } from './changes.ts';
import type { Compared } from './changes.ts';
import type { Overview, OverviewChange, Problem } from './answers.ts';
import { problemOf } from './problem.ts';

/** How often the database is asked. Milliseconds. */
const LOOK_MS = 500;
/** What the passing of time changes, such as silence, is seen this often. Milliseconds. */
const AT_LEAST_MS = 5_000;

/** An overview as it was first seen, and what it changed. */
export interface Version {
  /** From 1 on. */
  readonly number: number;
  readonly overview: Overview;
  /** `null`: the first, or the first after a failure. */
  readonly change: OverviewChange | null;
}

export interface Listener {
  readonly changed: (version: Version) => void;
  /** Once for each outage; `changed` follows when it is over. */
  readonly failed: (problem: Problem) => void;
}

interface HubOptions {
  readonly overview: () => Promise<Overview>;
  /** A text that differs once something was committed. */
  readonly mark: () => Promise<string>;
  readonly lookMs?: number;
  readonly atLeastMs?: number;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #listeners = new Set<Listener>();
  #number = 0;
  #latest: { readonly version: Version; readonly compared: Compared } | null = null;
  #problem: Problem | null = null;
  #resting: AbortController | null = null;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** The newest version while somebody listens and the database answers. */
  get latest(): Version | null {
    return this.#latest?.version ?? null;
  }

  /** Tells the newest version at once if it is known, and each after it. @returns ends that */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#latest !== null) listener.changed(this.#latest.version);
    else if (this.#problem !== null) listener.failed(this.#problem);
    if (this.#resting === null) {
      this.#resting = new AbortController();
      void this.#watch(this.#resting.signal);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#resting?.abort();
      this.#resting = null;
      this.#latest = null;
      this.#problem = null;
    };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { lookMs = LOOK_MS, atLeastMs = AT_LEAST_MS } = this.#options;
    let seen = { mark: '', at: -Infinity };
    while (!signal.aborted) {
      const at = performance.now();
      try {
        const mark = await this.#options.mark();
        if (this.#latest === null || mark !== seen.mark || at - seen.at >= atLeastMs) {
          this.#take(await this.#options.overview(), signal);
          seen = { mark, at };
        }
      } catch (error) {
        this.#fail(problemOf(error), signal);
      }
      await pause(Math.max(0, lookMs - (performance.now() - at)), signal);
    }
  }

  #take(overview: Overview, { aborted }: AbortSignal): void {
    // Whoever listens by now is told by a watch of their own.
    if (aborted) return;
    const now = compared(overview);
    const change = this.#latest === null ? null : changeBetween(this.#latest.compared, now);
    if (this.#latest !== null && change === null) return;
    this.#problem = null;
    const version: Version = { number: ++this.#number, overview, change };
    this.#latest = { version, compared: now };
    this.#tell((listener) => listener.changed(version));
  }

  #fail(problem: Problem, { aborted }: AbortSignal): void {
    if (aborted) return;
    const isNew = this.#problem === null;
    this.#problem = problem;
    this.#latest = null;
    if (isNew) this.#tell((listener) => listener.failed(problem));
  }

  #tell(how: (listener: Listener) => void): void {
    for (const listener of [...this.#listeners]) how(listener);
  }
}
