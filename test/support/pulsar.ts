/**
 * The Pulsar broker of the whole run, for tests of one file. A test file that imports this one, even through others,
 * has the broker started before the run (globalPulsar.ts).
 */
import { inject } from 'vitest';

export { describePulsar } from './pulsarSuites.ts';

export interface PulsarUrls {
  /** `pulsar://127.0.0.1:6650` */
  readonly url: string;
  /** `http://127.0.0.1:8080` */
  readonly adminUrl: string;
}

/** Other test files use the same broker at the same time: take a namespace of your own. @throws why there is none */
export function pulsarBroker(): PulsarUrls {
  const url = inject('pulsarUrl');
  const adminUrl = inject('pulsarAdminUrl');
  if (url !== undefined && adminUrl !== undefined) return { url, adminUrl };
  throw new Error(inject('pulsarMissing') ?? 'globalPulsar.ts did not start a broker for this test file');
}
