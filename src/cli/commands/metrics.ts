/** `balde metrics`: what /metrics would show, without a running process. */
import { Command, Option } from 'commander';
import type { EpochMs } from '../../domain/events.ts';
import { UsageError } from '../../errors.ts';
import type { Storage } from '../../app/storage.ts';
import { Metrics } from '../../serve/metrics.ts';
import { newestObservation } from '../../views/latest.ts';
import { readStaleAfterMs } from '../../store/settings.ts';
import { printText, observing, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { parseTime, withTimesHelp } from '../options/times.ts';

type At = EpochMs | 'now' | 'last';

interface MetricsOptions extends CommonOptions {
  readonly at: At;
}

const parseAt = (text: string): At => (text === 'now' || text === 'last' ? text : parseTime(text));

export function metricsCommand(): Command {
  const command = new Command('metrics')
    .description('print the Prometheus metrics that the data alone gives; gauges of fresh buckets only')
    .addOption(
      new Option('--at <time>', 'when to judge freshness: now, a time, or last (the newest observation)')
        .default('now')
        .argParser(parseAt),
    );
  withTimesHelp(command);
  return withStorageOptions(command).action(async (options: MetricsOptions) => {
    await observing(options, async (storage) => await printMetrics(storage, options.at));
  });
}

async function printMetrics({ database }: Storage, at: At): Promise<void> {
  const now = at === 'last' ? await newestObservation(database) : at === 'now' ? Date.now() : at;
  if (now === null) throw new UsageError('there is no observation yet: --at last has no time');
  // As the process that wrote the data was told, which the views follow too.
  const staleAfterMs = await readStaleAfterMs(database);
  const metrics = new Metrics({ sql: database, now: () => now, staleAfterMs });
  printText(await metrics.scrape());
}
