import { afterAll } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import { AdminClient } from '../../src/log/pulsar/admin.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { onPulsar } from './onPulsar.ts';
import { reconciling } from './reconciled.ts';

describePulsar(
  'on Pulsar',
  () => {
    reconciling(async () => {
      const { database } = await baldeDatabase();
      const backend = onPulsar(pulsarBroker());
      const logs: EventLog[] = [];
      const opened = (): EventLog => {
        const log = backend.open(database);
        logs.push(log);
        return log;
      };
      afterAll(async () => {
        for (const log of logs) await log.close();
        await backend.remove();
      });
      const log = opened();
      for (const topic of TOPICS) await log.ensureTopic(topic);
      const remake = async (): Promise<EventLog> => {
        const { tenant, namespace } = backend.pulsar;
        const admin = new AdminClient(backend.pulsar);
        const path = `persistent/${tenant}/${namespace}/${POLICY_STATES.name}/partitions`;
        await admin.request('DELETE', `${path}?force=true&deleteSchema=true`);
        admin.close();
        const anew = opened();
        await anew.ensureTopic(POLICY_STATES);
        return anew;
      };
      return { database, log, remake };
    });
  },
  120_000,
);
