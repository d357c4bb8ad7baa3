/**
 * Which messages of a partition follow one another without a gap: pure, so that it can be tried without a
 * broker.
 * The checkpoint is the truth; the broker's cursor may be behind it (acknowledgments are not written at once)
 * or ahead (the database was restored from a backup). So a message is handed out only when nothing that the
 * broker would deliver lies between it and the last one. Numbers of entries prove that only where they are
 * consecutive: a broker keeps entries of its own among the messages (the ends of transactions, snapshots of
 * replicated subscriptions) and some that it does not deliver (what was aborted or filtered). There the
 * broker itself is asked which entry it gives next.
 * A position within a batch does not tell whether it ends its entry. Only a reader that saw the message
 * itself knows; so where it resumes from one, the message must come again.
 */
import type { Position } from '../eventLog.ts';
import { compareEntries, isEntryAfter, isNextOfBatch, isSameEntry, placeOf, positionOf } from './position.ts';
import type { MessagePlace } from './position.ts';

/**
 * - `fresh`: a reader by itself, at the oldest message: whatever the broker gives is next.
 * - `unknown`: another instance may hold the partition, or something is missing: where to go on must be
 *   asked.
 * - `resumed`: told where to go on. The broker's cursor may stand elsewhere.
 * - `approaching`: the broker was let go back; what comes may have been on its way before.
 * - `aligned`: everything after `last` is handed out as it comes.
 */
type Phase = 'fresh' | 'unknown' | 'resumed' | 'approaching' | 'aligned';

export interface Alignment {
  readonly phase: Phase;
  /** Everything up to it is done or handed out; `null` at the start of the partition. */
  readonly last: Position | null;
  /** Where {@link last} is, kept for comparing. */
  readonly place: MessagePlace | null;
  /** Whether {@link last} is known to end its entry. */
  readonly endsEntry: boolean;
}

export interface Arrival {
  readonly place: MessagePlace;
  readonly position: Position;
  /** Messages of its batch, 1 when it is in none. */
  readonly size: number;
}

/**
 * How a message that came lies to `last`: before it or the same; the next of its batch; the start of the
 * entry right after it, or of a later one; inside of a later one.
 */
type Relation = 'before' | 'same' | 'continues' | 'adjacent' | 'begins' | 'inside';

/**
 * - `deliver`: it is next. - `skip`: it is not, and what is will come. - `settle`: it is `last` itself.
 * - `resume`: where to go on must be asked first. - `next`: the broker must be asked what follows `last`.
 * - `seek`: the broker must go back to `last`. - `near`: read on to `last` if it is not far, else go there.
 */
type AlignmentRule = 'deliver' | 'skip' | 'settle' | 'resume' | 'next' | 'seek' | 'near';

const all = (rule: AlignmentRule): Readonly<Record<Relation, AlignmentRule>> => ({
  before: rule,
  same: rule,
  continues: rule,
  adjacent: rule,
  begins: rule,
  inside: rule,
});

const RULES: Readonly<Record<Phase, Readonly<Record<Relation, AlignmentRule>>>> = {
  fresh: all('deliver'),
  unknown: all('resume'),
  resumed: {
    before: 'near',
    same: 'settle',
    continues: 'deliver',
    adjacent: 'deliver',
    begins: 'next',
    inside: 'seek',
  },
  approaching: {
    before: 'skip',
    same: 'settle',
    continues: 'deliver',
    adjacent: 'deliver',
    begins: 'next',
    inside: 'skip',
  },
  aligned: {
    before: 'skip',
    same: 'settle',
    continues: 'deliver',
    adjacent: 'deliver',
    begins: 'next',
    inside: 'resume',
  },
};

/** What follows when the message is not the one that the broker gives next after `last`. */
const NOT_NEXT: Readonly<Record<Phase, Exclude<AlignmentRule, 'next'>>> = {
  fresh: 'deliver',
  unknown: 'resume',
  resumed: 'seek',
  approaching: 'skip',
  aligned: 'resume',
};

type Verdict =
  | { readonly kind: 'deliver' | 'skip' | 'resume' | 'seek' }
  /** Which entry does the broker give first after this one? For `null`: of all. */
  | { readonly kind: 'next'; readonly after: MessagePlace | null };

export interface AlignmentStep {
  readonly state: Alignment;
  readonly verdict: Verdict;
}

/** Entries. A gap this long is left by seeking; a shorter one by reading on. */
const SEEK_DISTANCE = 1_000;

export const unaligned = (phase: 'fresh' | 'unknown'): Alignment => ({
  phase,
  ...{ last: null, place: null, endsEntry: true },
});

/** After the answer to `resume`. */
export const resumed = (from: Position | null): Alignment => standing('resumed', from);

/** After the answer to `seek`: the broker was let go back to just before `from`. */
export const approaching = (from: Position | null): Alignment => standing('approaching', from);

/** Everything up to `last` is handed out. */
export const aligned = (last: Position | null): Alignment => standing('aligned', last);

/** Another instance may have gone further. */
export const unsure = (state: Alignment): Alignment => ({ ...state, phase: 'unknown' });

function standing(phase: Phase, last: Position | null): Alignment {
  const place = last === null ? null : placeOf(last);
  return { phase, last, place, endsEntry: place === null || place.batch < 0 };
}

/**
 * The entry after which to ask for the next: where `last` may have more of its entry behind it, the one
 * before, so that its own is the answer while it is there.
 */
export function baseOf({ place, endsEntry }: Alignment): MessagePlace | null {
  if (place === null) return null;
  return { ...place, entry: endsEntry ? place.entry : place.entry - 1, batch: -1 };
}

/**
 * What a message that came means.
 * @param next the answer to a verdict `next` on this same message: the entry that the broker gives
 */
export function step(state: Alignment, arrival: Arrival, next?: MessagePlace): AlignmentStep {
  const relation = relationOf(state, arrival);
  const rule = RULES[state.phase][relation];
  if (rule !== 'next') return follow(rule, state, arrival);
  if (next === undefined) return { state, verdict: { kind: 'next', after: baseOf(state) } };
  return follow(isSameEntry(next, arrival.place) ? 'deliver' : NOT_NEXT[state.phase], state, arrival);
}

function follow(rule: Exclude<AlignmentRule, 'next'>, state: Alignment, arrival: Arrival): AlignmentStep {
  switch (rule) {
    case 'deliver':
      return { state: accepted(arrival), verdict: { kind: 'deliver' } };
    case 'settle':
      return { state: accepted(arrival), verdict: { kind: 'skip' } };
    case 'resume':
      return { state: unsure(state), verdict: { kind: 'resume' } };
    case 'near':
      return { state, verdict: { kind: isNear(state.place, arrival.place) ? 'skip' : 'seek' } };
    case 'skip':
    case 'seek':
      return { state, verdict: { kind: rule } };
  }
}

/** What is handed out ends with this one. */
export const accepted = ({ place, position, size }: Arrival): Alignment => ({
  phase: 'aligned',
  last: position,
  place,
  endsEntry: place.batch < 0 || place.batch + 1 === size,
});

function relationOf({ place: last, endsEntry }: Alignment, { place }: Arrival): Relation {
  if (last === null) return place.batch <= 0 ? 'begins' : 'inside';
  const order = compareEntries(place, last) || place.batch - last.batch;
  if (order === 0) return 'same';
  if (order < 0) return 'before';
  if (isNextOfBatch(last, place)) return 'continues';
  if (endsEntry && isEntryAfter(last, place)) return 'adjacent';
  return place.batch <= 0 ? 'begins' : 'inside';
}

const isNear = (last: MessagePlace | null, place: MessagePlace): boolean =>
  last !== null && place.ledger === last.ledger && last.entry - place.entry <= SEEK_DISTANCE;

/** Whether a message at `place` comes right after everything up to `position`, as far as numbers tell. */
export function isRightAfter(position: Position, place: MessagePlace): boolean {
  const last = placeOf(position);
  return position >= positionOf(place) || isNextOfBatch(last, place) || (last.batch < 0 && isEntryAfter(last, place));
}
