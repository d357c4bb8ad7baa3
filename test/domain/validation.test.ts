import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeObservation, encodeObservation } from '../../src/codec/observation.ts';
import { checkAnswer, invalidObservation, isParticipant, rejectionOf } from '../../src/domain/validation.ts';
import type { PoliciesAnswer, PolicyReading, PolicyRejection } from '../../src/domain/validation.ts';
import { NOON, observation, PARTICIPANT } from '../support/observations.ts';

const DAY = 86_400_000;
const MAX_AHEAD = 600_000;
const poll = { participant: PARTICIPANT, pollId: 'p', correlationId: 'c', observedAt: NOON + 300 };

const reading = (with_: Partial<PolicyReading> = {}): PolicyReading => ({
  name: 'CLAIMS_READ',
  availableTokens: 500,
  capacity: 1000,
  refillTokens: 100,
  refillPeriodSec: 60,
  ...with_,
});

const answer = (with_: Partial<PoliciesAnswer> = {}): PoliciesAnswer => ({
  responseTime: NOON,
  category: 'G',
  policies: [reading()],
  ...with_,
});

describe('one policy [DOM-1]', () => {
  it.each<[string, Partial<PolicyReading>]>([
    ['debt', { availableTokens: -15 }],
    ['deepest debt', { availableTokens: -2_147_483_648 }],
    ['above capacity', { availableTokens: 1500 }],
    ['no refill', { refillTokens: 0 }],
    ['smallest bucket', { capacity: 1, availableTokens: 0 }],
    ['largest bucket', { capacity: 2_147_483_647 }],
    ['unknown name', { name: 'POLITICA_NOVA_DE_2031' }],
    ['lower case with a dash', { name: 'statistics-entry_read' }],
    ['letters beyond ASCII', { name: 'CONSULTA_ESTATÍSTICA' }],
    ['longest name', { name: 'N'.repeat(200) }],
  ])('%s is believed', (_what, with_) => {
    expect(rejectionOf(reading(with_))).toBeNull();
  });

  it.each<[PolicyRejection, Partial<PolicyReading>]>([
    ['policy_name_empty', { name: '' }],
    ['policy_name_malformed', { name: ' ' }],
    ['policy_name_malformed', { name: 'CLAIMS READ' }],
    ['policy_name_malformed', { name: 'CLAIMS\nREAD' }],
    ['policy_name_malformed', { name: 'CLAIMS\u0000' }],
    ['policy_name_malformed', { name: 'N'.repeat(201) }],
    ['policy_name_malformed', { name: '\ud83d' }],
    ['available_tokens_not_int32', { availableTokens: 0.5 }],
    ['available_tokens_not_int32', { availableTokens: Number.NaN }],
    ['available_tokens_not_int32', { availableTokens: 2_147_483_648 }],
    ['available_tokens_not_int32', { availableTokens: -2_147_483_649 }],
    ['capacity_not_positive', { capacity: 0 }],
    ['capacity_not_positive', { capacity: -1 }],
    ['capacity_not_positive', { capacity: Number.POSITIVE_INFINITY }],
    ['refill_tokens_negative', { refillTokens: -1 }],
    ['refill_tokens_negative', { refillTokens: 1.5 }],
    ['refill_period_not_positive', { refillPeriodSec: 0 }],
    ['refill_period_not_positive', { refillPeriodSec: -60 }],
  ])('%s: %o', (reason, with_) => {
    expect(rejectionOf(reading(with_))).toBe(reason);
  });
});

describe('an answer [DOM-2]', () => {
  it.each<[string, Partial<PoliciesAnswer>]>([
    ['response_time_missing', { responseTime: null }],
    ['response_time_implausible', { responseTime: 0 }],
    ['response_time_implausible', { responseTime: NOON + 300 + MAX_AHEAD + 1 }],
    ['response_time_implausible', { responseTime: NOON + 300 - DAY - 1 }],
    ['response_time_implausible', { responseTime: NOON + 0.5 }],
    ['response_time_implausible', { responseTime: Number.NaN }],
    ['no_policies', { policies: [] }],
  ])('%s', (reason, with_) => {
    const checked = checkAnswer(answer(with_), poll);
    expect(checked).toMatchObject({ ok: false, reason });
    expect(checked.ok ? '' : checked.detail).not.toBe('');
  });

  it.each([DAY, -MAX_AHEAD])('%i ms behind the local clock is still believed', (away) => {
    const observedAt = NOON + away;
    expect(checkAnswer(answer(), { ...poll, observedAt })).toMatchObject({ ok: true });
  });

  it('is refused, not a crash, whatever the time', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.maxSafeInteger()), (responseTime) => {
        const checked = checkAnswer(answer({ responseTime }), poll);
        expect(checked.ok).toBe(
          Number.isInteger(responseTime) &&
            responseTime <= poll.observedAt + MAX_AHEAD &&
            responseTime >= poll.observedAt - DAY,
        );
      }),
    );
  });

  it('becomes observations in order of policy, with everything the poll knows', () => {
    const names = ['REFUNDS_READ', 'CLAIMS_READ', 'EVENT_LIST'];
    const checked = checkAnswer(answer({ policies: names.map((name) => reading({ name })) }), poll);
    if (!checked.ok) throw new Error(checked.detail);
    expect(checked.observations.map((o) => o.policy)).toEqual([...names].sort());
    const { observedAt, pollId, correlationId } = poll;
    expect(checked.observations[0]).toEqual(observation({ availableTokens: 500, observedAt, pollId, correlationId }));
  });

  it('without a category says nothing of it; an unknown letter is kept', () => {
    const category = (sent: string | null): unknown => {
      const checked = checkAnswer(answer({ category: sent }), poll);
      return checked.ok ? checked.observations[0]?.category : checked;
    };
    expect(['', null, 'H', 'Z'].map(category)).toEqual([null, null, 'H', 'Z']);
  });

  it('keeps the first of two policies of one name', () => {
    const policies = [reading({ availableTokens: 1 }), reading({ availableTokens: 2 })];
    const checked = checkAnswer(answer({ policies }), poll);
    expect(checked).toMatchObject({
      ok: true,
      observations: [{ availableTokens: 1 }],
      rejected: [{ reason: 'duplicate_policy', reading: { availableTokens: 2 } }],
    });
  });

  it('a bad policy does not take the place of a good one of its name', () => {
    const policies = [reading({ capacity: 0 }), reading()];
    const checked = checkAnswer(answer({ policies }), poll);
    expect(checked).toMatchObject({
      ok: true,
      observations: [{ capacity: 1000 }],
      rejected: [{ reason: 'capacity_not_positive' }],
    });
  });
});

const anyReading: fc.Arbitrary<PolicyReading> = fc.record({
  name: fc.oneof(
    fc.constantFrom('CLAIMS_READ', 'EVENT_LIST', 'A', ''),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
  ),
  availableTokens: fc.oneof(fc.integer(), fc.double({ min: 0.01 })),
  capacity: fc.oneof(fc.integer(), fc.nat({ max: 1000 })),
  refillTokens: fc.oneof(fc.integer(), fc.nat({ max: 100 })),
  refillPeriodSec: fc.oneof(fc.integer(), fc.integer({ min: 1, max: 100 })),
});

describe('for all answers', () => {
  it('each policy is either observed or rejected with a reason, and no bad one costs another [DOM-2]', () => {
    fc.assert(
      fc.property(fc.array(anyReading, { minLength: 1, maxLength: 20 }), (policies) => {
        const checked = checkAnswer(answer({ policies }), poll);
        if (!checked.ok) throw new Error(checked.detail);
        const { observations, rejected } = checked;
        expect(observations.length + rejected.length).toBe(policies.length);
        const good = new Set(policies.filter((each) => rejectionOf(each) === null).map((each) => each.name));
        expect(observations.map((o) => o.policy)).toEqual([...good].sort());
      }),
    );
  });

  it('what is observed is valid where it is read, and survives its encoding', () => {
    fc.assert(
      fc.property(fc.array(anyReading, { minLength: 1, maxLength: 20 }), (policies) => {
        const checked = checkAnswer(answer({ policies }), poll);
        const observations = checked.ok ? checked.observations : [];
        for (const each of observations) {
          expect(invalidObservation(each)).toBeNull();
          expect(decodeObservation(encodeObservation(each))).toEqual(each);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('an event read from the log', () => {
  it.each([
    ['participant', { participant: '123' }, 'ISPB'],
    ['participant in lower case', { participant: 'abcdefgh' }, 'ISPB'],
    ['time', { responseTime: NOON, observedAt: NOON + 2 * DAY }, 'more than a day'],
    ['capacity', { capacity: 0 }, 'capacity_not_positive'],
    ['name', { policy: '' }, 'policy_name_empty'],
  ])('with a wrong %s is not folded', (_what, with_, reason) => {
    expect(invalidObservation(observation(with_))).toContain(reason);
  });

  it("with another observation's id is not folded", () => {
    const other = observation({ responseTime: NOON + 1 }).eventId;
    expect(invalidObservation({ ...observation(), eventId: other })).toContain('eventId');
    expect(invalidObservation(observation())).toBeNull();
  });
});

it.each([
  ['12345678', true],
  ['A1B2C3D4', true],
  ['a1b2c3d4', false],
  ['1234567', false],
  ['123456789', false],
  ['1234 678', false],
  ['', false],
])('%o is an ISPB: %s', (text, is) => {
  expect(isParticipant(text)).toBe(is);
});
