import { describe, expect, it } from 'vitest';
import { isCreditedOnPaymentOrder } from '../../src/domain/catalog.ts';
import { CATEGORIES, fullRefillSec, POLICIES, sizeOf } from '../../src/simulator/policies.ts';

const named = (name: string) => POLICIES.filter((policy) => policy.name === name);

describe('the policies of DICT API 2.12.1', () => {
  it('are 29 of scope PSP and 2 of scope USER, each once', () => {
    expect(POLICIES.filter((policy) => policy.scope === 'PSP')).toHaveLength(29);
    expect(POLICIES.filter((policy) => policy.scope === 'USER')).toHaveLength(2);
    expect(new Set(POLICIES.map((policy) => policy.name)).size).toBe(31);
  });

  it('are credited where the domain says so, and nowhere else', () => {
    for (const { name, credit } of POLICIES) expect([name, credit > 0]).toEqual([name, isCreditedOnPaymentOrder(name)]);
  });

  it('vary by category in two policies', () => {
    const varying = POLICIES.filter(
      (policy) => new Set(CATEGORIES.map((category) => sizeOf(policy, category).capacity)).size > 1,
    );
    expect(varying.map((policy) => policy.name)).toEqual([
      'ENTRIES_READ_PARTICIPANT_ANTISCAN',
      'ENTRIES_STATISTICS_READ',
    ]);
  });

  it('fill in 5 days when slow and in 30 minutes otherwise, at most', () => {
    for (const policy of POLICIES.filter(({ scope }) => scope === 'PSP')) {
      const slowest = policy.name === 'CIDS_FILES_WRITE' ? 5 * 86_400 : 1800;
      expect(fullRefillSec(sizeOf(policy, 'H'))).toBeLessThanOrEqual(slowest);
    }
    expect(named('CIDS_FILES_WRITE').map((policy) => fullRefillSec(sizeOf(policy, 'H')))).toEqual([432_000]);
  });

  it('charge a 404 extra on the antiscan policies only', () => {
    const extra = POLICIES.filter(({ cost }) => cost.notFound > 1).map(({ name, cost }) => [name, cost.notFound]);
    expect(extra).toEqual([
      ['ENTRIES_READ_USER_ANTISCAN', 20],
      ['ENTRIES_READ_USER_ANTISCAN_V2', 20],
      ['ENTRIES_READ_PARTICIPANT_ANTISCAN', 3],
    ]);
  });
});
