/** Bridges that serve less than the contract. */
import type { BridgeClient } from '../../src/poll/bridgeClient.ts';
import { BridgeError } from '../../src/poll/bridgeError.ts';

/** Of a Bridge that serves lists alone. */
export const noReads: Pick<BridgeClient, 'readPolicy'> = {
  readPolicy: async () => Promise.reject(new BridgeError('UNIMPLEMENTED', 'reads are not served')),
};
