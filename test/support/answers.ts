/** Answers and policies that tests start from. */
import type { EpochMs } from '../../src/domain/events.ts';
import type { PoliciesAnswer, PolicyReading } from '../../src/domain/validation.ts';

export const reading = (changes: Partial<PolicyReading> = {}): PolicyReading => ({
  name: 'ENTRIES_WRITE',
  availableTokens: 36_000,
  capacity: 36_000,
  refillTokens: 1_200,
  refillPeriodSec: 60,
  ...changes,
});

export const answerAt = (
  responseTime: EpochMs | null,
  policies: readonly PolicyReading[] = [
    reading(),
    reading({ name: 'CLAIMS_READ', availableTokens: -15, capacity: 18_000, refillTokens: 600 }),
  ],
): PoliciesAnswer => ({ responseTime, category: 'F', policies });
