import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { eventLogContract } from './eventLog.ts';
import type { OpenLog } from './given.ts';

const settings = {
  serviceUrl: 'pulsar://127.0.0.1:16650',
  adminUrl: 'http://127.0.0.1:18080',
  tenant: 'lb-conn',
  namespace: 'dict',
  listener: null,
  token: null,
  tls: {},
};
eventLogContract('pulsar', {
  features: {
    gaplessPositions: false,
    trimsAtOnce: false,
    atomicSend: false,
    restartable: true,
    killable: false,
    sharedNames: false,
  },
  open,
});

async function open(): Promise<OpenLog> {
  const log = new PulsarLog(settings);
  const others: PulsarLog[] = [];
  return {
    log,
    secondProcess: async () => {
      const other = new PulsarLog(settings);
      others.push(other);
      return Promise.resolve(other);
    },
    // Every topic leaves its broker: producers and consumers are cut off and have to find it again.
    restart: async () => {
      await fetch(`${settings.adminUrl}/admin/v2/namespaces/lb-conn/dict/unload`, { method: 'PUT' });
    },
    close: async () => {
      await Promise.all([log, ...others].map(async (one) => one.close()));
    },
  };
}
