/** Observations, as tests of the domain, the folds and the log need them. */
import fc from 'fast-check';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { PolicyStateEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import { observationId } from '../../src/domain/identity.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import type { OutgoingMessage } from '../../src/log/eventLog.ts';

/** Monday 2026-01-05, 12:00 UTC. */
export const NOON = Date.UTC(2026, 0, 5, 12);
export const MINUTE = 60_000;
export const PARTICIPANT = '12345678';

/** An observation of CLAIMS_READ: full bucket of 1000, 100 back each minute. */
export function observation(with_: Partial<PolicyStateObserved> = {}): PolicyStateObserved {
  const base = {
    type: 'PolicyStateObserved',
    participant: PARTICIPANT,
    policy: 'CLAIMS_READ',
    category: 'G',
    availableTokens: 1000,
    capacity: 1000,
    refillTokens: 100,
    refillPeriodSec: 60,
    responseTime: NOON,
    correlationId: null,
    pollId: 'a3bb189e-8bf9-5f3a-9912-ecbf5d1f0d6c',
    ...with_,
  } as const;
  return {
    ...base,
    observedAt: with_.observedAt ?? base.responseTime + 250,
    eventId: observationId(base.participant, base.policy, base.responseTime),
  };
}

/** `tokens` of 1000 left, `minutes` after noon. */
export const left = (tokens: number, minutes = 0, more: Partial<PolicyStateObserved> = {}): PolicyStateObserved =>
  observation({ availableTokens: tokens, responseTime: NOON + minutes * MINUTE, ...more });

/** Two hours from noon, looked at every seven seconds: a bucket that fills in lumps, drawn on hard and less in turn. */
export function drawnInTurns(): PolicyStateObserved[] {
  const size = { capacity: 60, refillTokens: 20, refillPeriodSec: 60 };
  const bucket = new TokenBucket({ ...size, mode: 'lump', startAt: NOON, phaseMs: 20_000 });
  const seen: PolicyStateObserved[] = [];
  for (let second = 0; second < 2 * 3_600; second += 1) {
    const responseTime = NOON + second * 1_000;
    const isHard = Math.floor(second / 600) % 2 === 0;
    bucket.requestMany(responseTime, second % (isHard ? 2 : 6) === 0 ? 1 : 0, 1);
    if (second % 7 === 0)
      seen.push(observation({ ...size, availableTokens: bucket.tokensAt(responseTime), responseTime }));
  }
  return seen;
}

/** Sunday 2026-03-01, 12:00 UTC: minute 0 of {@link observed}. */
export const START = Date.UTC(2026, 2, 1, 12);

/** The observation of a policy `minute` minutes after the start. */
export function observed(
  policy: string,
  minute: number,
  availableTokens: number,
  values: Partial<PolicyStateObserved> = {},
): PolicyStateObserved {
  const responseTime = values.responseTime ?? START + minute * MINUTE;
  return {
    type: 'PolicyStateObserved',
    eventId: observationId(PARTICIPANT, policy, responseTime),
    participant: PARTICIPANT,
    policy,
    category: 'C',
    availableTokens,
    capacity: 100,
    refillTokens: 10,
    refillPeriodSec: 60,
    responseTime,
    observedAt: responseTime + 40,
    correlationId: null,
    pollId: '00000000-0000-5000-8000-000000000001',
    ...values,
  };
}

let lastId = -1;

/** The message of an event; its sequence id is higher than that of any before. */
export const outgoing = (event: PolicyStateEvent): OutgoingMessage => ({
  ...POLICY_STATES.encode(event),
  sequenceId: ++lastId,
});

const times = fc.integer({ min: 0, max: 40 }).map((n) => NOON + n * 30_000 + (n % 7));

/** Any legal observation: debt, surplus, changed parameters and categories; few times, so that they collide. */
const anyObservation = (
  policies: readonly [string, ...string[]] = ['CLAIMS_READ', 'ENTRIES_READ_PARTICIPANT_ANTISCAN', 'LIMITE_NOVO'],
): fc.Arbitrary<PolicyStateObserved> =>
  fc
    .record({
      policy: fc.constantFrom(...policies),
      responseTime: times,
      category: fc.constantFrom('A', 'G', 'H', 'Z', null),
      capacity: fc.constantFrom(1, 50, 100, 1000, 2_147_483_647),
      share: fc.oneof(
        fc.constantFrom(-0.3, 0, 0.0999, 0.1, 0.1001, 0.1999, 0.2, 0.2001, 1, 1.5),
        fc.double({ min: -0.5, max: 1.5, noNaN: true }),
      ),
      refillTokens: fc.constantFrom(0, 1, 7, 100),
      refillPeriodSec: fc.constantFrom(1, 60, 86_400),
    })
    .map(({ share, ...rest }) => {
      // Plus 0: an integer has no −0.
      const tokens = Math.round(share * rest.capacity) + 0;
      const availableTokens = Math.max(-2_147_483_648, Math.min(2_147_483_647, tokens));
      return observation({ ...rest, availableTokens });
    });

/** A log: any order, repetitions included. */
export const anyLog = (
  policies?: readonly [string, ...string[]],
  maxLength = 60,
): fc.Arbitrary<PolicyStateObserved[]> =>
  fc
    .array(anyObservation(policies), { minLength: 1, maxLength })
    .chain((events) =>
      fc
        .array(fc.nat({ max: events.length - 1 }), { maxLength: 20 })
        .map((again) => [...events, ...again.flatMap((i) => events[i] ?? [])]),
    );
