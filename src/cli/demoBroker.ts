/** The Pulsar that a demonstration runs through: a namespace of the configured one, or a broker of its own. */
import { tellLine } from './common.ts';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ensureBinding } from '../../tools/pulsar-binding/binding.ts';
import { startBroker } from '../../tools/pulsar-broker/broker.ts';
import { loadConfig } from '../config/config.ts';
import { plainCluster } from '../log/pulsar/settings.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';

export interface DemoBroker {
  readonly settings: PulsarSettings;
  stop(): Promise<void>;
}

export async function demoBroker(dataDir: string, signal: AbortSignal): Promise<DemoBroker> {
  const tell = (line: string): void => tellLine(line);
  await ensureBinding({ report: tell });
  const { pulsar } = loadConfig(process.env, { withoutParticipants: true });
  // Simulated observations stay out of the topics that the namespace of the configuration has.
  const namespace = `demo-${randomUUID().slice(0, 8)}`;
  if (pulsar !== null) {
    tell(`the topics of this demonstration are in ${pulsar.tenant}/${namespace}; they stay there`);
    return { settings: { ...pulsar, namespace }, stop: async () => Promise.resolve() };
  }
  tell('starting a Pulsar broker of its own');
  const broker = await startBroker({ dataDir: join(dataDir, 'pulsar'), signal, report: tell });
  return {
    settings: plainCluster(broker, namespace),
    stop: async () => await broker.stop(),
  };
}
