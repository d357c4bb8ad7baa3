/** Which operations of DICT spend from which policy (DICT API 2.12.1, table of policies). */
import { LIST_POLICY, READ_POLICY } from './policies.ts';

/** Share: a weight beside the others of the policy, as a participant may make them. */
interface OperationShare {
  readonly operation: string;
  readonly share: number;
}

const only = (operation: string): readonly OperationShare[] => [{ operation, share: 1 }];

const shared = (shares: Readonly<Record<string, number>>): readonly OperationShare[] =>
  Object.entries(shares).map(([operation, share]) => ({ operation, share }));

const OPERATIONS: ReadonlyMap<string, readonly OperationShare[]> = new Map([
  ['ENTRIES_READ_USER_ANTISCAN', only('getEntry')],
  ['ENTRIES_READ_USER_ANTISCAN_V2', only('getEntry')],
  ['ENTRIES_READ_PARTICIPANT_ANTISCAN', only('getEntry')],
  ['ENTRIES_STATISTICS_READ', only('getEntryStatistics')],
  ['ENTRIES_WRITE', shared({ createEntry: 80, deleteEntry: 20 })],
  ['ENTRIES_UPDATE', only('updateEntry')],
  ['CLAIMS_READ', only('getClaim')],
  [
    'CLAIMS_WRITE',
    shared({ createClaim: 40, acknowledgeClaim: 25, confirmClaim: 20, completeClaim: 10, cancelClaim: 5 }),
  ],
  ['CLAIMS_LIST_WITH_ROLE', only('listClaims')],
  ['CLAIMS_LIST_WITHOUT_ROLE', only('listClaims')],
  ['SYNC_VERIFICATIONS_WRITE', only('createSyncVerification')],
  ['CIDS_FILES_WRITE', only('createCidSetFile')],
  ['CIDS_FILES_READ', only('getCidSetFile')],
  ['CIDS_EVENTS_LIST', only('listCidSetEvents')],
  ['CIDS_ENTRIES_READ', only('getEntryByCid')],
  ['INFRACTION_REPORTS_READ', only('getInfractionReport')],
  [
    'INFRACTION_REPORTS_WRITE',
    shared({
      ...{ createInfractionReport: 40, acknowledgeInfractionReport: 25, closeInfractionReport: 20 },
      ...{ updateInfractionReport: 10, cancelInfractionReport: 5 },
    }),
  ],
  ['INFRACTION_REPORTS_LIST_WITH_ROLE', only('listInfractionReports')],
  ['INFRACTION_REPORTS_LIST_WITHOUT_ROLE', only('listInfractionReports')],
  ['KEYS_CHECK', only('checkKeys')],
  ['REFUNDS_READ', only('getRefund')],
  ['REFUNDS_WRITE', shared({ createRefund: 55, closeRefund: 35, cancelRefund: 10 })],
  ['REFUND_LIST_WITH_ROLE', only('listRefunds')],
  ['REFUND_LIST_WITHOUT_ROLE', only('listRefunds')],
  ['FRAUD_MARKERS_READ', only('getFraudMarker')],
  ['FRAUD_MARKERS_WRITE', shared({ createFraudMarker: 80, cancelFraudMarker: 20 })],
  ['FRAUD_MARKERS_LIST', only('listFraudMarkers')],
  ['PERSONS_STATISTICS_READ', only('getPersonStatistics')],
  [READ_POLICY, only('getBucketState')],
  [LIST_POLICY, only('listBucketStates')],
  ['EVENT_LIST', only('listEventNotifications')],
]);

/** @throws {RangeError} DICT has no such policy */
export function operationsOf(policy: string): readonly OperationShare[] {
  const found = OPERATIONS.get(policy);
  if (found === undefined) throw new RangeError(`DICT has no policy ${policy}`);
  return found;
}
