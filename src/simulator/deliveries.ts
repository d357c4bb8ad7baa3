/**
 * How reports of calls come when not all goes well: late, twice, wrong at first, in another order, and of a source
 * that stops, no more. Marks stay true, as the contract wants it: a source says that it is complete up to where it has
 * told all, and nothing less than there was. Deterministic by seed.
 */
import type { EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import { required } from '../required.ts';
import { between, hash, hashText, uniform } from './random.ts';

export interface Troubles {
  /** Of the windows, how many come late, and how late at most (milliseconds). */
  readonly late: number;
  readonly latestMs: number;
  /** How many come once more. */
  readonly repeated: number;
  /** How many are wrong at first: half of them say too little and half too much, until a higher revision. */
  readonly corrected: number;
  /** From when on a source reports nothing any more. */
  readonly stops: Readonly<Record<string, EpochMs>>;
}

export const TROUBLES: Troubles = { late: 0.02, latestMs: 15 * MINUTE_MS, repeated: 0.05, corrected: 0.02, stops: {} };

/** Of a correction after what it corrects, and of a repetition after what it repeats. Milliseconds. */
const CORRECTED_WITHIN_MS = 20 * MINUTE_MS;
const REPEATED_WITHIN_MS = 2 * HOUR_MS;
/** Of the corrections, how many overtake what they correct. */
const OVERTAKING = 0.25;

type Window = RequestOutcomesObserved;

/** Something that comes at a time: of several at one time, what was taken in first. */
interface Piece {
  readonly due: EpochMs;
  readonly order: number;
  readonly window: Window;
  /** With it the source has told all of this window. */
  readonly settles: boolean;
  /** Comes again then; `null`: it does not. */
  readonly again: EpochMs | null;
  /** As it was said before; its mark, too. */
  readonly isRepetition: boolean;
}

/** What a source has yet to tell of a policy: windows by their start, in the order of time, each with how many rows. */
interface Outstanding {
  readonly starts: Map<EpochMs, number>;
  /** End of the latest window there is. */
  end: EpochMs;
}

export class Deliveries {
  readonly #seed: number;
  readonly #troubles: Troubles;
  readonly #outstanding = new Map<string, Outstanding>();
  #pieces: Piece[] = [];
  #order = 0;

  constructor(seed: number, troubles: Troubles = TROUBLES) {
    this.#seed = hash(seed, hashText('deliveries'));
    this.#troubles = troubles;
  }

  /** Takes windows that are over, by rising start. */
  take(windows: readonly Window[]): void {
    for (const window of windows) {
      if (window.windowStart >= (this.#troubles.stops[window.source] ?? Infinity)) continue;
      const own = this.#outstandingOf(window);
      own.starts.set(window.windowStart, (own.starts.get(window.windowStart) ?? 0) + 1);
      own.end = Math.max(own.end, window.windowEnd);
      this.#plan(window);
    }
  }

  /** What comes by then, in its order. */
  until(at: EpochMs): readonly Window[] {
    const come: Window[] = [];
    for (let due = this.#due(at); due.length > 0; due = this.#due(at)) come.push(...due.map((one) => this.#send(one)));
    return come;
  }

  #due(at: EpochMs): readonly Piece[] {
    const due = this.#pieces.filter((piece) => piece.due <= at);
    if (due.length > 0) this.#pieces = this.#pieces.filter((piece) => piece.due > at);
    return due.sort((a, b) => a.due - b.due || a.order - b.order);
  }

  #plan(window: Window): void {
    const { late, latestMs, repeated, corrected } = this.#troubles;
    const { source, policy, operation, windowStart, windowEnd } = window;
    const draw = hash(hash(this.#seed, hashText(`${source}\n${policy}\n${operation}`)), windowStart / SECOND_MS);
    const due = windowEnd + (uniform(draw, 0) < late ? between(draw, 1, 20 * SECOND_MS, latestMs) : 0);
    const again = uniform(draw, 2) < repeated ? due + between(draw, 3, SECOND_MS, REPEATED_WITHIN_MS) : null;
    if (uniform(draw, 4) >= corrected) {
      this.#add({ due, window, settles: true, again });
      return;
    }
    const rightAt = due + between(draw, 5, 10 * SECOND_MS, CORRECTED_WITHIN_MS);
    const isTooLittle = uniform(draw, 6) < 0.5;
    const right = { ...window, revision: window.revision + 1 + Math.floor(between(draw, 7, 0, 3)) };
    const overtakes = uniform(draw, 8) < OVERTAKING;
    this.#add({
      ...{ due: overtakes ? rightAt : due, window: wrong(window, isTooLittle, draw), again },
      settles: !isTooLittle && !overtakes,
    });
    this.#add({ due: overtakes ? due : rightAt, window: right, again: null, settles: isTooLittle || overtakes });
  }

  #add(piece: Omit<Piece, 'order' | 'isRepetition'>): void {
    this.#pieces.push({ ...piece, order: this.#order++, isRepetition: false });
  }

  #send({ window, settles, again, isRepetition }: Piece): Window {
    if (isRepetition) return window;
    const own = this.#outstandingOf(window);
    if (settles) {
      const left = required(own.starts.get(window.windowStart), 'it was taken in') - 1;
      if (left === 0) own.starts.delete(window.windowStart);
      else own.starts.set(window.windowStart, left);
    }
    const [earliest = own.end] = own.starts.keys();
    const told = { ...window, completeUpTo: earliest };
    if (again !== null)
      this.#pieces.push({
        ...{ due: again, order: this.#order++, window: told, settles: false, again: null, isRepetition: true },
      });
    return told;
  }

  #outstandingOf({ source, policy }: Window): Outstanding {
    const key = `${source}\n${policy}`;
    const known = this.#outstanding.get(key) ?? { starts: new Map<EpochMs, number>(), end: -Infinity };
    this.#outstanding.set(key, known);
    return known;
  }
}

/** A part of the calls, or more than there were. */
function wrong(window: Window, isTooLittle: boolean, draw: number): Window {
  const factor = isTooLittle ? between(draw, 9, 0, 0.9) : between(draw, 9, 1.1, 3);
  const off = (count: number): number => (isTooLittle ? Math.floor(count * factor) : Math.ceil(count * factor));
  return { ...window, status200: off(window.status200), status404: off(window.status404) };
}
