import { randomUUID } from 'node:crypto';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { plainCluster } from '../../src/log/pulsar/settings.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { eventLogContract } from './eventLog.ts';
import type { OpenLog } from './given.ts';

describePulsar('on a real broker', () => {
  eventLogContract('pulsar', {
    features: {
      gaplessPositions: false,
      // Pulsar's own retention removes messages, by its own schedule.
      trimsAtOnce: false,
      atomicSend: false,
      restartable: true,
      // A process that is killed is one of its own: test/faults.
      killable: false,
      sharedNames: false,
    },
    open,
  });
});

async function open(): Promise<OpenLog> {
  const { url, adminUrl } = pulsarBroker();
  const namespace = `contract-${randomUUID().slice(0, 8)}`;
  const settings = plainCluster({ serviceUrl: url, adminUrl }, namespace);
  const log = new PulsarLog(settings);
  const others: PulsarLog[] = [];
  return Promise.resolve({
    log,
    secondProcess: async () => {
      const other = new PulsarLog(settings);
      others.push(other);
      return Promise.resolve(other);
    },
    // Every topic leaves its broker: producers and consumers are cut off and have to find it again.
    restart: async () => {
      await fetch(`${adminUrl}/admin/v2/namespaces/lb-conn/${namespace}/unload`, { method: 'PUT' });
    },
    close: async () => {
      await Promise.all([log, ...others].map(async (one) => one.close()));
    },
  });
}
