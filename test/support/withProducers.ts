/** The log, with other producers. */
import type { EventLog } from '../../src/log/eventLog.ts';

export const withProducers = (log: EventLog, producer: EventLog['producer']): EventLog => ({
  system: log.system,
  ensureTopic: async (spec) => await log.ensureTopic(spec),
  partitions: async (topic) => await log.partitions(topic),
  behind: async (topic, positions) => await log.behind(topic, positions),
  consumer: async (topic, options) => await log.consumer(topic, options),
  trim: async (...args) => await log.trim(...args),
  ends: async (topic) => await log.ends(topic),
  close: async () => await log.close(),
  producer,
});
