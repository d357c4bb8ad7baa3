/** Counters of calls that a Prometheus has, taken in by whoever polls. */
import type { Logger } from 'pino';
import { openOutcomesPublisher } from '../calls/publish.ts';
import { watchPrometheus } from '../calls/prometheus.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Storage } from './storage.ts';

interface Counting {
  readonly config: Pick<Config, 'outcomes' | 'participants'>;
  readonly storage: Pick<Storage, 'log'>;
  readonly logger: Logger;
}

/** Returns at once where no Prometheus is configured. */
export async function runCounters({ config, storage, logger }: Counting, signal: AbortSignal): Promise<void> {
  const { prometheus } = config.outcomes;
  if (prometheus === null) return;
  const [only, ...others] = config.participants;
  await watchPrometheus(
    {
      ...prometheus,
      participant: only === undefined || others.length > 0 ? null : only.participant,
      publisher: async () => await openOutcomesPublisher(storage.log, () => systemClock.now(), signal),
      clock: systemClock,
      onFailed: (err) => logger.warn({ err }, 'counters of calls could not be taken in: tried again in a minute'),
      onLeftOut: (reason, series) => logger.warn({ reason, series }, 'counters of calls are left out'),
    },
    signal,
  );
}
