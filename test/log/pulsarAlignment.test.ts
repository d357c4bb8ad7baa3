/**
 * What a reader hands out, tried against a model of a partition: without a broker, so in every order that can
 * be thought of.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/log/eventLog.ts';
import { approaching, baseOf, resumed, step, unaligned, unsure } from '../../src/log/pulsar/alignment.ts';
import type { Alignment, Arrival } from '../../src/log/pulsar/alignment.ts';
import { compareEntries, placeOf, positionOf } from '../../src/log/pulsar/position.ts';
import type { MessagePlace } from '../../src/log/pulsar/position.ts';

/** An entry: so many messages of a batch, one that is no batch, or one that nobody is given. */
type Kind = number | 'single' | 'hidden';

interface Partition {
  /** Every message that a reader is given, in order. */
  readonly messages: readonly Arrival[];
  /** Entries that a reader is given. */
  readonly entries: readonly MessagePlace[];
}

function partitionOf(ledgers: readonly (readonly Kind[])[]): Partition {
  const messages: Arrival[] = [];
  const entries: MessagePlace[] = [];
  for (const [l, kinds] of ledgers.entries()) {
    for (const [entry, kind] of kinds.entries()) {
      if (kind === 'hidden') continue;
      const ledger = 3 * l + 1;
      entries.push({ ledger, entry, batch: -1 });
      const size = kind === 'single' ? 1 : kind;
      for (let i = 0; i < size; i += 1) {
        const place = { ledger, entry, batch: kind === 'single' ? -1 : i };
        messages.push({ place, position: positionOf(place), size });
      }
    }
  }
  return { messages, entries };
}

const kinds = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Kind>('single') },
  { weight: 2, arbitrary: fc.constant<Kind>('hidden') },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }) },
);
const partitions = fc
  .array(fc.array(kinds, { maxLength: 6 }), { minLength: 1, maxLength: 4 })
  .map(partitionOf)
  .filter(({ messages }) => messages.length > 0);

/**
 * What the broker does before each message: nothing, or what a cursor, a connection or another instance may
 * do to it.
 */
type Whim = null | 'unsure' | { readonly jump: number } | { readonly stale: number };

const whims = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(null) },
    /** Delivers from another place on, as a cursor that stands elsewhere does. */
    { weight: 1, arbitrary: fc.record({ jump: fc.nat() }) },
    /** Another instance may have gone further. */
    { weight: 1, arbitrary: fc.constant('unsure' as const) },
    /** A message that was on its way before. */
    { weight: 1, arbitrary: fc.record({ stale: fc.nat() }) },
  ),
  { maxLength: 60 },
);

const nextEntry = ({ entries }: Partition, after: MessagePlace | null): MessagePlace | undefined =>
  after === null ? entries[0] : entries.find((entry) => compareEntries(entry, after) > 0);

/** Plays a reader against the model. @returns positions handed out */
class Reading {
  readonly delivered: Position[] = [];
  readonly #partition: Partition;
  readonly #resumes: boolean;
  readonly #from: Position | null;
  state: Alignment;
  cursor = 0;

  constructor(partition: Partition, from: Position | null, resumes: boolean) {
    this.#partition = partition;
    this.#from = from;
    this.#resumes = resumes;
    this.state = resumes ? unaligned('unknown') : from === null ? unaligned('fresh') : approaching(from);
    if (!resumes) this.seek(from);
  }

  /** The broker goes to just before the entry of `position`. */
  seek(position: Position | null): void {
    const { messages } = this.#partition;
    const at = position === null ? 0 : messages.findIndex(({ place }) => compareEntries(place, placeOf(position)) >= 0);
    this.cursor = at < 0 ? messages.length : at;
  }

  receive(arrival: Arrival): void {
    let next: MessagePlace | undefined;
    for (let asked = 0; asked < 10; asked += 1) {
      const { state, verdict } = step(this.state, arrival, next);
      this.state = state;
      next = undefined;
      if (verdict.kind === 'deliver') this.delivered.push(arrival.position);
      if (verdict.kind === 'deliver' || verdict.kind === 'skip') return;
      if (verdict.kind === 'next') next = nextEntry(this.#partition, verdict.after);
      else if (verdict.kind === 'resume' && this.#resumes) this.state = resumed(this.delivered.at(-1) ?? this.#from);
      else {
        this.state = approaching(state.last);
        this.seek(state.last);
        return;
      }
    }
    throw new Error('asks without end');
  }
}

function play(partition: Partition, reading: Reading, broker: readonly Whim[]): void {
  const { messages } = partition;
  const one = (): void => {
    const message = messages[reading.cursor];
    reading.cursor += 1;
    if (message !== undefined) reading.receive(message);
  };
  for (const whim of broker) {
    if (whim === 'unsure') reading.state = unsure(reading.state);
    else if (whim !== null && 'jump' in whim) reading.cursor = whim.jump % messages.length;
    else if (whim !== null) {
      const stale = messages[whim.stale % messages.length];
      if (stale !== undefined && reading.state.phase === 'approaching') reading.receive(stale);
    }
    one();
  }
  // In the end it gives the newest message once more, which nobody acknowledges, and goes back for what is left.
  for (let rounds = 0; rounds < 3; rounds += 1) {
    if (reading.state.phase === 'unknown') reading.cursor = messages.length - 1;
    while (reading.cursor < messages.length) one();
    if (reading.state.phase === 'unknown') continue;
    reading.state = approaching(reading.state.last);
    reading.seek(reading.state.last);
  }
}

const behind = ({ messages }: Partition, from: Position | null): Position[] =>
  messages.map(({ position }) => position).filter((position) => from === null || position > from);

describe('a reader of a partition with entries that nobody is given [LOG-2, PUL-4]', () => {
  it.each([
    ['of a subscription, wherever its cursor stands', true],
    ['by itself', false],
  ])('%s, hands out each message after its checkpoint once and in order', (_, resumes) => {
    fc.assert(
      fc.property(partitions, fc.nat(), whims, (partition, at, broker) => {
        const all = [null, ...partition.messages.map(({ position }) => position)];
        const from = all[at % all.length] ?? null;
        const reading = new Reading(partition, from, resumes);
        // A reader by itself shares the partition with nobody; at the start, the broker's first message is the first.
        const can = (whim: Whim): boolean => resumes || (whim !== 'unsure' && (from !== null || whim === null));
        play(partition, reading, broker.filter(can));
        expect(reading.delivered).toEqual(behind(partition, from));
      }),
      { numRuns: 3_000 },
    );
  });

  it('asks what follows only where numbers do not tell', () => {
    const { messages } = partitionOf([['single', 'single', 3, 'single', 'hidden', 'single']]);
    let state = unaligned('fresh');
    const asked: (MessagePlace | null)[] = [];
    for (const message of messages) {
      let result = step(state, message);
      if (result.verdict.kind === 'next') {
        asked.push(result.verdict.after);
        result = step(result.state, message, message.place);
      }
      expect(result.verdict.kind).toBe('deliver');
      state = result.state;
    }
    expect(asked).toEqual([{ ledger: 1, entry: 3, batch: -1 }]);
  });

  it('from within a batch, asks from before its entry: there may be more of it', () => {
    expect(baseOf(resumed(positionOf({ ledger: 1, entry: 5, batch: 2 })))).toEqual({
      ledger: 1,
      entry: 4,
      batch: -1,
    });
    expect(baseOf(resumed(positionOf({ ledger: 1, entry: 5, batch: -1 })))).toEqual({
      ledger: 1,
      entry: 5,
      batch: -1,
    });
    expect(baseOf(resumed(null))).toBeNull();
  });
});
