/** Pulsar under the workers, in a namespace of its own. */
import { randomUUID } from 'node:crypto';
import { TOPICS } from '../../src/topology/folds.ts';
import { AdminClient } from '../../src/log/pulsar/admin.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import type { Backend, Settings } from './backend.ts';

const TENANT = 'balde-faults';

export interface Address {
  readonly url: string;
  readonly adminUrl: string;
  /** Advertised listener of the broker that the url belongs to. */
  readonly listener?: string;
}

export interface OnPulsar extends Backend {
  readonly pulsar: PulsarSettings;
  /** The same namespace by another way. */
  readonly settingsBy: (way: Address) => Settings;
}

export function onPulsar(address: Address): OnPulsar {
  const namespace = `run-${randomUUID()}`;
  const pulsar = pulsarSettings(address, namespace);
  const settingsBy = ({ url, adminUrl, listener }: Address): Settings => ({
    PULSAR_URL: url,
    PULSAR_ADMIN_URL: adminUrl,
    PULSAR_TENANT: TENANT,
    PULSAR_NAMESPACE: namespace,
    ...(listener === undefined ? {} : { PULSAR_LISTENER: listener }),
  });
  return {
    pulsar,
    settings: settingsBy(address),
    settingsBy,
    open: () => new PulsarLog(pulsar),
    remove: async () => await removeNamespace(pulsar),
  };
}

const pulsarSettings = ({ url, adminUrl, listener }: Address, namespace: string): PulsarSettings => ({
  serviceUrl: url,
  adminUrl,
  tenant: TENANT,
  namespace,
  listener: listener ?? null,
  token: null,
  tls: {},
});

/** Topics first: a broker does not remove a namespace that holds any. What is gone is no failure. */
async function removeNamespace(pulsar: PulsarSettings): Promise<void> {
  const admin = new AdminClient(pulsar);
  const namespace = `${pulsar.tenant}/${pulsar.namespace}`;
  try {
    for (const { name } of TOPICS)
      await admin.request('DELETE', `persistent/${namespace}/${name}/partitions?force=true`);
    await admin.request('DELETE', `namespaces/${namespace}`);
  } finally {
    admin.close();
  }
}
