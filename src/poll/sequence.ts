/**
 * Sequence ids of observations.
 *
 * The broker stores a message only if its id is above every one it stored before of that producer and partition. An id
 * derived from DICT's response time makes a repeated poll carry the ids it had, so the broker drops it, also after a
 * crash that left the poller no memory. The same rule would swallow a *real* observation whose id came out too low, and
 * that must not happen: in doubt an observation gets a fresh id, and if it was there already, consumers drop it by its
 * identity (participant, policy, responseTime).
 *
 * A millisecond of response time has room for 2048 ids:
 *
 *     base(responseTime) = responseTime × 2048        the i-th observation of a poll: first + i
 *
 * `i` counts observations in order of policy (the order of `checkAnswer`). A poll of more than 2048 policies runs on
 * into the rooms of the following milliseconds. Ids stay below 2^53 until 2^42 ms after 1970: 15 May 2109.
 *
 * Ids that do not come from the response time keep to the upper half of a room ({@link idsAbove}), so that the lower
 * half holds nothing but what was listed in that very millisecond. A read of one policy takes the first id of the upper
 * half: a list of the same millisecond is not taken for a repetition of it, nor the other way round.
 */
import type { EpochMs } from '../domain/events.ts';

/** Ids per millisecond. With 2^42 ms (until 2109) they fill the 2^53 integers that a double holds exactly. */
export const ROOM = 2048;

/** Where in its room the ids begin that stand for no response time; also how many of them a room holds. */
const UPPER_HALF = ROOM / 2;

/** A list that this producer stored, as far as its successor needs to know. */
export interface StoredPoll {
  readonly responseTime: EpochMs;
  /** In order of policy. */
  readonly policies: readonly string[];
  /** Sequence id of its first observation. */
  readonly first: number;
}

export interface SequenceRequest {
  /** The producer's highest stored id over all partitions, −1 when there is none. */
  readonly last: number;
  readonly responseTime: EpochMs;
  /** The observations to publish: their policies, in order. Not empty. */
  readonly policies: readonly string[];
  /** The newest list stored since this producer was elected; `null` when there is none. */
  readonly previous: StoredPoll | null;
  /** One policy was read, not all listed; no by default. */
  readonly isRead?: boolean;
}

export interface SequenceAssignment {
  /** Id of the first observation; the i-th has `first + i`. */
  readonly first: number;
  /** The same poll was, at least in part, stored before: the broker drops what it has and stores the rest. */
  readonly repeat: boolean;
  /** The response time is not after what was stored, and this is no repetition of it. */
  readonly steppedBack: boolean;
}

/**
 * Chooses the ids of one poll. Rules, the first that fits:
 *
 * 1. *The poll stored last, again* (same response time, same policies): the ids it had.
 * 2. *Its room is free* (base > last): base. The normal case.
 * 3. *Just elected, and `last` lies where this poll's own ids do* (base ≤ last < base + count): base. A crash came
 *    after some or all of the poll was stored. Each partition holds a prefix of its share, or, with sends stored whole,
 *    all of it or nothing: it drops what it has and takes the rest.
 * 4. *Otherwise* DICT's clock stepped back, or the poll before ran over into this room: above everything stored, in
 *    the upper half of a room.
 *
 * Rule 3 looks at [base, base + count), not at the whole room: ids further on were never this poll's, and rule 4
 * stores at worst a duplicate. A poll first stored under rule 4 is not recognised after a crash, for the same price.
 *
 * What remains is that rule 3 is taken for a poll that was never stored. Its observations are lost only if, with no
 * memory left, DICT gave two answers with different policies in one millisecond, the crash between them; or, with more
 * than 1024 policies, if the response time hits one millisecond that ids of another poll run through.
 *
 * @throws {RangeError} the ids would leave the integers that a double holds exactly.
 */
export function assignSequence(request: SequenceRequest): SequenceAssignment {
  const { last, responseTime, policies, previous, isRead = false } = request;
  const base = responseTime * ROOM;
  const count = policies.length;
  if (isRead) return readSequence(base, last);
  if (previous !== null && isSamePoll(request, previous)) {
    return { first: previous.first, repeat: true, steppedBack: false };
  }
  if (base > last) return bounded({ first: base, repeat: false, steppedBack: false }, count);
  if (previous === null && last < base + count) {
    return bounded({ first: base, repeat: true, steppedBack: false }, count);
  }
  return bounded({ first: idsAbove(last, count), repeat: false, steppedBack: true }, count);
}

/** A read is made again, not repeated: no memory tells what it was. */
function readSequence(base: number, last: number): SequenceAssignment {
  const own = base + UPPER_HALF;
  if (own > last) return bounded({ first: own, repeat: false, steppedBack: false }, 1);
  return bounded({ first: idsAbove(last, 1), repeat: false, steppedBack: last >= base + ROOM }, 1);
}

/**
 * The first of `count` ids in a row, all above `last`, that no poll's rule 3 takes for its own: they lie in the upper
 * half of one room. More than 1024 do not fit there and follow `last` at once.
 */
export function idsAbove(last: number, count: number): number {
  const next = last + 1;
  if (count > UPPER_HALF) return next;
  const room = next - (next % ROOM);
  const first = Math.max(next, room + UPPER_HALF);
  return first + count <= room + ROOM ? first : room + ROOM + UPPER_HALF;
}

/** Policies too: with one missing or one more, `first + i` would name other observations than before. */
const isSamePoll = ({ responseTime, policies }: SequenceRequest, previous: StoredPoll): boolean =>
  previous.responseTime === responseTime &&
  previous.policies.length === policies.length &&
  previous.policies.every((policy, i) => policy === policies[i]);

function bounded(assignment: SequenceAssignment, count: number): SequenceAssignment {
  const highest = assignment.first + count - 1;
  if (assignment.first >= 0 && highest <= Number.MAX_SAFE_INTEGER) return assignment;
  throw new RangeError(`sequence ids ${assignment.first} … ${highest} leave 0 … 2^53 − 1`);
}
