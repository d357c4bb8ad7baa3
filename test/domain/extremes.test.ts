import { describe, expect, test } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { decodeAlertEvent, encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { enrich } from '../../src/domain/enrichment.ts';
import { observed } from '../support/observations.ts';

const MAX = 2_147_483_647;
const MIN = -2_147_483_648;
const DECADE = 10 * 366 * 24 * 60;

/** Values that are accepted, at the ends of their types; each is the second observation of its bucket. */
const MEMBERS = {
  'the deepest debt of the largest bucket, with the slowest refill': [MIN, MAX, 1, MAX, 1],
  'a refill by threes, whose product has no exact double': [MIN, MAX, 3, MAX, 1],
  'the deepest debt of the smallest bucket': [MIN, 1, 1, 1, 1],
  'the largest refill, after a decade': [0, MAX, MAX, 1, DECADE],
  'a surplus over the smallest bucket': [MAX, 1, 1, 1, 1],
  'one token fewer in a decade': [MAX - 1, MAX, 0, MAX, DECADE],
  'no refill': [0, MAX, 0, 1, 1],
} as const;

describe('[DOM-12] what is accepted can be carried to every output', () => {
  test.each(Object.entries(MEMBERS))('%s', (_, [availableTokens, capacity, refillTokens, period, minutes]) => {
    const bucket = { capacity, refillTokens, refillPeriodSec: period, category: 'A' };
    const first = observed('P', 0, MAX, bucket);
    const event = observed('P', minutes, availableTokens, bucket);
    const told = enrich(event, first);
    const whole = [
      told.recoveryEtaSeconds,
      told.exhaustionProjectionSeconds,
      told.consumption?.low,
      told.consumption?.high,
    ];
    for (const value of whole)
      if (value !== null && value !== undefined) expect(Number.isSafeInteger(value)).toBe(true);
    for (const value of [
      told.utilizationPercent,
      told.netDrainPerMinute,
      told.consumptionRateLowPerMinute,
      told.blindSeconds,
    ])
      if (value !== null) expect(Number.isFinite(value)).toBe(true);
    if (refillTokens > 0) {
      const missing = BigInt(Math.max(0, capacity - availableTokens));
      const exact = (missing * BigInt(period) + BigInt(refillTokens) - 1n) / BigInt(refillTokens);
      const most = BigInt(Number.MAX_SAFE_INTEGER - 1);
      expect(BigInt(told.recoveryEtaSeconds ?? -1)).toBe(exact > most ? most : exact);
    }
    const { apply } = alertingReactor();
    const { state } = apply(undefined, first);
    for (const alert of apply(state, event).out) {
      expect(decodeAlertEvent(encodeAlertEvent(alert))).toEqual(alert);
    }
  });
});
