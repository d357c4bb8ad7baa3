/** Windows of calls, as tests need them. */
import { UNNAMED } from '../../src/domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { MINUTE, NOON, PARTICIPANT } from './observations.ts';

/** A minute from noon without a call, by nobody named. */
export const outcomes = (with_: Partial<RequestOutcomesObserved> = {}): RequestOutcomesObserved => ({
  type: 'RequestOutcomesObserved',
  participant: PARTICIPANT,
  policy: 'CLAIMS_READ',
  source: UNNAMED,
  operation: UNNAMED,
  windowStart: NOON,
  windowEnd: (with_.windowStart ?? NOON) + MINUTE,
  status200: 0,
  status404: 0,
  status429: 0,
  status500: 0,
  statusOther: 0,
  paymentOrderCredits: 0,
  cacheHits: null,
  paymentOrders: null,
  revision: 0,
  completeUpTo: null,
  ...with_,
});
