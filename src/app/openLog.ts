/** The event log a command works on: on Pulsar if that is configured, else in the database. */
import type { Config } from '../config/config.ts';
import { EmbeddedLog } from '../log/embedded/embeddedLog.ts';
import type { EventLog, TopicSpec } from '../log/eventLog.ts';
import type { NativeLog } from '../log/pulsar/native.ts';
import { PulsarLog } from '../log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { AdministratorNeededError } from '../log/pulsar/topicSetup.ts';
import type { Database } from '../store/database.ts';

export interface LogConfig {
  /** The embedded log when there is none. */
  readonly pulsar?: Config['pulsar'];
  /** Months of history, for the retention of topics. */
  readonly retentionMonths?: number;
}

/** One month more than history is kept, and whole months are longer than they look: see `TRIMMED_TOPICS`. */
export const historyDays = (months: number): number => (months + 2) * 31;

/** @param pulsarLog receives the Pulsar client's own log lines */
export function openLog(database: Database, { pulsar, retentionMonths }: LogConfig, pulsarLog?: NativeLog): EventLog {
  if (pulsar === undefined || pulsar === null) return new EmbeddedLog(database);
  return new PulsarLog(pulsar, {
    ...(retentionMonths === undefined ? {} : { historyDays: historyDays(retentionMonths) }),
    ...(pulsarLog === undefined ? {} : { log: pulsarLog }),
  });
}

export const describeLog = (pulsar: PulsarSettings | null | undefined): string =>
  pulsar ? `Pulsar at ${pulsar.serviceUrl}, ${pulsar.tenant}/${pulsar.namespace}` : 'embedded, in the same database';

/** @throws {AdministratorNeededError} once for all topics: what an administrator has to do for them */
export async function ensureTopics(log: EventLog, topics: readonly TopicSpec[]): Promise<void> {
  const ensuring = topics.map(async (topic) => {
    try {
      await log.ensureTopic(topic);
      return [];
    } catch (error) {
      if (error instanceof AdministratorNeededError) return [error];
      throw error;
    }
  });
  await Promise.allSettled(ensuring);
  const needed = (await Promise.all(ensuring)).flat();
  const [first] = needed;
  if (first === undefined) return;
  const commands = [...new Set(needed.flatMap((error) => error.commands))];
  const what = "the topics can't be made or set up with the role given; what exists already can be skipped";
  throw new AdministratorNeededError(what, commands, { cause: first });
}
