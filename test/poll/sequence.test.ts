import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROOM, assignSequence, idsAbove } from '../../src/poll/sequence.ts';
import type { StoredPoll } from '../../src/poll/sequence.ts';
import { createPartitions } from './partitions.ts';

const AT = Date.UTC(2026, 8, 20, 12, 0, 0, 0);
const BASE = AT * ROOM;
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `P${String(i).padStart(5, '0')}`);
const THIRTY_ONE = names(31);

describe('assignSequence', () => {
  it('starts at the floor of the room of the response time', () => {
    const assigned = assignSequence({ last: -1, responseTime: AT, policies: THIRTY_ONE, previous: null });
    expect(assigned).toEqual({ first: BASE, repeat: false, steppedBack: false });
  });

  it('gives a repeated poll the ids it had, also those it got after a step back', () => {
    for (const first of [BASE, BASE + 77]) {
      const previous = { responseTime: AT, policies: THIRTY_ONE, first };
      const assigned = assignSequence({ last: first + 30, responseTime: AT, policies: THIRTY_ONE, previous });
      expect(assigned).toEqual({ first, repeat: true, steppedBack: false });
    }
  });

  it.each([
    ['one stored', BASE],
    ['some stored', BASE + 12],
    ['all stored', BASE + 30],
  ])('recognises the same poll after a crash with %s', (_, last) => {
    const assigned = assignSequence({ last, responseTime: AT, policies: THIRTY_ONE, previous: null });
    expect(assigned).toEqual({ first: BASE, repeat: true, steppedBack: false });
  });

  it('does not take an id outside the own ones for a repetition', () => {
    const assigned = assignSequence({
      last: BASE + 31,
      responseTime: AT,
      policies: THIRTY_ONE,
      previous: null,
    });
    expect(assigned).toEqual({ first: BASE + 1024, repeat: false, steppedBack: true });
  });

  it('goes above everything stored when the clock of DICT steps back', () => {
    const previous = { responseTime: AT, policies: THIRTY_ONE, first: BASE };
    const responseTime = AT - 3_600_000;
    const assigned = assignSequence({ last: BASE + 30, responseTime, policies: THIRTY_ONE, previous });
    expect(assigned).toEqual({ first: BASE + 1024, repeat: false, steppedBack: true });
  });

  it('takes the same time with other policies for another poll: its indices name other observations', () => {
    const previous = { responseTime: AT, policies: THIRTY_ONE.slice(1), first: BASE };
    const assigned = assignSequence({ last: BASE + 29, responseTime: AT, policies: THIRTY_ONE, previous });
    expect(assigned).toEqual({ first: BASE + 1024, repeat: false, steppedBack: true });
  });

  it('gives a read an id that no list of the same millisecond takes for its own, nor the other way round', () => {
    const request = { responseTime: AT, previous: null };
    const read = assignSequence({ ...request, last: -1, policies: ['Z'], isRead: true });
    expect(read).toEqual({ first: BASE + ROOM / 2, repeat: false, steppedBack: false });
    const list = assignSequence({ ...request, last: read.first, policies: ['A', 'B', 'Z'] });
    expect(list).toMatchObject({ repeat: false });
    expect(list.first).toBeGreaterThan(read.first);
    const after = assignSequence({ ...request, last: BASE + 30, policies: ['Z'], isRead: true });
    expect(after).toEqual(read);
    const again = assignSequence({ ...request, last: read.first, policies: ['Y'], isRead: true });
    expect(again).toEqual({ first: read.first + 1, repeat: false, steppedBack: false });
  });

  it('keeps ids of no response time where no later poll takes them for its own', () => {
    fc.assert(
      fc.property(fc.nat(10 * ROOM), fc.integer({ min: 1, max: ROOM / 2 }), (last, count) => {
        const first = idsAbove(last, count);
        expect(first).toBeGreaterThan(last);
        expect(first % ROOM).toBeGreaterThanOrEqual(ROOM / 2);
        expect((first % ROOM) + count).toBeLessThanOrEqual(ROOM);
        expect(first - last).toBeLessThanOrEqual(2 * ROOM);
      }),
    );
  });

  it('lets more than 2048 policies run on, and the next poll clear them', () => {
    const policies = names(10_000);
    const previous = { responseTime: AT, policies, first: BASE };
    const last = BASE + 9_999;
    const inTheWay = assignSequence({ last, responseTime: AT + 4, policies, previous });
    expect(inTheWay).toEqual({ first: last + 1, repeat: false, steppedBack: true });
    const clear = assignSequence({ last, responseTime: AT + 5, policies, previous });
    expect(clear).toEqual({ first: (AT + 5) * ROOM, repeat: false, steppedBack: false });
  });

  it('lasts until 15 May 2109', () => {
    const lastDay = 2 ** 42 - 1;
    expect(new Date(lastDay).toISOString()).toBe('2109-05-15T07:35:11.103Z');
    const request = { last: -1, policies: names(ROOM), previous: null };
    expect(assignSequence({ ...request, responseTime: lastDay }).first + ROOM - 1).toBe(2 ** 53 - 1);
    expect(() => assignSequence({ ...request, responseTime: lastDay + 1 })).toThrow(RangeError);
  });
});

/** One thing that happens to a poller: DICT's clock moves, it answers, the process may die in the middle of sending. */
interface Happening {
  /** Milliseconds DICT's clock moves before the answer; 0 repeats the answer, negative steps back. */
  readonly moves: number;
  /** Messages stored before the process dies, or `null` for a send that succeeds. */
  readonly diesAfter: number | null;
  /** After success: whether the process is restarted before the next poll. */
  readonly restarts: boolean;
}

const happening = (moves: fc.Arbitrary<number>): fc.Arbitrary<Happening> =>
  fc.record({
    moves,
    diesAfter: fc.option(fc.nat(8), { freq: 3 }),
    restarts: fc.boolean(),
  });

interface Outcome {
  readonly stored: { readonly key: string; readonly sequenceId: number; readonly identity: string }[];
  readonly completed: Set<string>;
  readonly highestFirst: number[];
}

/** Plays a history against partitions that deduplicate as the broker does. */
function play(history: readonly Happening[], policies: readonly string[]): Outcome {
  const partitions = createPartitions(3);
  const outcome: Outcome = { stored: [], completed: new Set(), highestFirst: [] };
  let previous: StoredPoll | null = null;
  let responseTime = AT;
  for (const { moves, diesAfter, restarts } of history) {
    responseTime += moves;
    const last = partitions.last('poller');
    const { first, repeat } = assignSequence({ last, responseTime, policies, previous });
    if (!repeat) outcome.highestFirst.push(first);
    const messages = policies.map((policy, i) => ({
      key: policy,
      sequenceId: first + i,
      identity: `${policy}@${responseTime}`,
    }));
    partitions.store('poller', diesAfter === null ? messages : messages.slice(0, diesAfter));
    if (diesAfter === null) messages.forEach((message) => outcome.completed.add(message.identity));
    previous = diesAfter === null && !restarts ? { responseTime, policies, first } : null;
  }
  outcome.stored.push(...(partitions.stored as Outcome['stored']));
  return outcome;
}

const policies = fc.integer({ min: 1, max: 8 }).map(names);
const anyMove = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -5, max: 5 }),
  fc.integer({ min: -3_600_000, max: 3_600_000 }),
);

/** A part of a poll is stored, a part of an earlier one after it, then the first is answered again, unremembered. */
const steppedBackIntoAPartOfAPoll: Happening[] = [
  { moves: 0, diesAfter: 3, restarts: false },
  { moves: -3, diesAfter: 1, restarts: false },
  { moves: 3, diesAfter: null, restarts: false },
];

describe('sequence ids against a deduplicating log [POLL-4]', () => {
  it('never lose an observation, whatever the clock of DICT does and whenever the process dies', () => {
    fc.assert(
      fc.property(fc.array(happening(anyMove), { maxLength: 40 }), policies, (history, listed) => {
        const { stored, completed } = play(history, listed);
        const kept = new Set(stored.map((message) => message.identity));
        expect([...completed].filter((identity) => !kept.has(identity))).toEqual([]);
      }),
      { numRuns: 500, examples: [[steppedBackIntoAPartOfAPoll, names(4)]] },
    );
  });

  it('store each observation exactly once while the clock of DICT does not step back', () => {
    fc.assert(
      fc.property(fc.array(happening(fc.nat(3)), { maxLength: 40 }), policies, (history, listed) => {
        const { stored } = play(history, listed);
        const identities = stored.map((message) => message.identity);
        expect(new Set(identities).size).toBe(identities.length);
      }),
      { numRuns: 500 },
    );
  });

  it('strictly rise from poll to poll, repetitions aside', () => {
    fc.assert(
      fc.property(fc.array(happening(anyMove), { maxLength: 40 }), policies, (history, listed) => {
        const alive = history.map((one) => ({ ...one, diesAfter: null }));
        const firsts = play(alive, listed).highestFirst;
        firsts.slice(1).forEach((first, i) => {
          expect(first - (firsts[i] ?? 0)).toBeGreaterThanOrEqual(listed.length);
        });
      }),
    );
  });
});
