/** A real broker for a benchmark: the one of PULSAR_URL, in a namespace of its own, or one started for the run. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config/config.ts';
import { PulsarLog } from '../src/log/pulsar/pulsarLog.ts';
import { plainCluster } from '../src/log/pulsar/settings.ts';
import type { PulsarSettings } from '../src/log/pulsar/settings.ts';
import { FOLDS, TOPICS } from '../src/topology/folds.ts';
import { openDatabase } from '../src/store/database.ts';
import type { Database } from '../src/store/database.ts';
import { migrate } from '../src/store/migrate.ts';
import { installFold } from '../src/store/installFold.ts';
import { ensureBinding } from '../tools/pulsar-binding/binding.ts';
import { startBroker } from '../tools/pulsar-broker/broker.ts';

export async function onBroker<T>(work: (settings: PulsarSettings) => Promise<T>): Promise<T> {
  await ensureBinding();
  const namespace = `bench-${randomUUID().slice(0, 8)}`;
  const { pulsar } = loadConfig(process.env, { withoutParticipants: true });
  if (pulsar !== null) return await work({ ...pulsar, namespace });
  const dataDir = await mkdtemp(join(tmpdir(), 'balde-bench-pulsar-'));
  const broker = await startBroker({ dataDir });
  try {
    return await work(plainCluster(broker, namespace));
  } finally {
    await broker.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

export interface OnPulsar {
  readonly database: Database;
  readonly log: PulsarLog;
  close(): Promise<void>;
}

/** Balde's database and topics as `balde start` leaves them. */
export async function installOnPulsar(url: string, settings: PulsarSettings): Promise<OnPulsar> {
  await migrate(url);
  const database = openDatabase({ url });
  for (const fold of FOLDS) await installFold(database, fold);
  const log = new PulsarLog(settings);
  for (const topic of TOPICS) await log.ensureTopic(topic);
  const close = async (): Promise<void> => {
    await log.close();
    await database.close();
  };
  return { database, log, close };
}
