/**
 * What DICT documents about policies beyond the numbers it reports. Only names that change a computation are listed:
 * an unknown policy name is normal and needs no entry.
 */

/** Policies credited when a payment order reaches SPI (DICT Operational Manual v8.0, section 13.1). */
const CREDITED = new Set([
  'ENTRIES_READ_PARTICIPANT_ANTISCAN',
  'ENTRIES_READ_USER_ANTISCAN',
  'ENTRIES_READ_USER_ANTISCAN_V2',
]);

export const isCreditedOnPaymentOrder = (policy: string): boolean => CREDITED.has(policy);

/** The policy that Balde's own list call spends from (DICT API 2.12.1, table of policies). */
export const LIST_POLICY = 'POLICIES_LIST';
/** Its documented refill period, used until DICT reported one. Seconds. */
export const LIST_POLICY_REFILL_PERIOD_SEC = 60;
