import { randomUUID } from 'node:crypto';
import type { Producer, ProducerOptions } from '../../src/log/eventLog.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { plainCluster } from '../../src/log/pulsar/settings.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { closingCases } from './closing.ts';
import { consumingCases } from './consuming.ts';
import { eventLogContract } from './eventLog.ts';
import type { LogFeatures, OpenLog } from './given.ts';
import { orderingCases } from './ordering.ts';
import { outageCases } from './outages.ts';
import { topicCases } from './topics.ts';
import { wholeSendCases } from './wholeSends.ts';

const features: LogFeatures = {
  gaplessPositions: false,
  // Pulsar's own retention removes messages, by its own schedule.
  trimsAtOnce: false,
  atomicSend: false,
  restartable: true,
  // A process that is killed is one of its own: test/faults.
  killable: false,
  sharedNames: false,
};

/** What one send has for a partition is one entry there: positions are places within batches. */
class WholeSendsLog extends PulsarLog {
  override async producer(topic: string, options: ProducerOptions): Promise<Producer> {
    return await super.producer(topic, { ...options, wholeSends: true });
  }
}

describePulsar('on a real broker', () => {
  eventLogContract('pulsar', { features, open: async () => await open(PulsarLog) });
  eventLogContract('pulsar, sends stored whole', { features, open: async () => await open(WholeSendsLog) }, [
    topicCases,
    orderingCases,
    consumingCases,
    closingCases,
    outageCases,
    wholeSendCases,
  ]);
});

async function open(Log: typeof PulsarLog): Promise<OpenLog> {
  const { url, adminUrl } = pulsarBroker();
  const namespace = `contract-${randomUUID().slice(0, 8)}`;
  const settings = plainCluster({ serviceUrl: url, adminUrl }, namespace);
  const log = new Log(settings);
  const others: PulsarLog[] = [];
  return Promise.resolve({
    log,
    secondProcess: async () => {
      const other = new Log(settings);
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
