/** `balde metrics`: what /metrics would show, without a running process. */
import type { Command } from 'commander';
import type { EpochMs } from '../../domain/events.ts';
import { UsageError } from '../../errors.ts';
import { notFoundSample, unexplainedSample } from '../../app/outcomeSamples.ts';
import { outboxSample } from '../../app/samples.ts';
import { Metrics } from '../../serve/metrics.ts';
import { newestObservation } from '../../views/latest.ts';
import type { Database } from '../../store/database.ts';
import { readStaleAfterMs } from '../../store/settings.ts';
import { baseCommand } from '../command.ts';
import type { CommonOptions } from '../options/storage.ts';
import { parseTime, TimeOption } from '../options/times.ts';
import { printText } from '../print.ts';
import { observing } from '../storage.ts';

type At = EpochMs | 'last';

interface MetricsOptions extends CommonOptions {
  readonly at?: At;
}

const HELP = `
Freshness is judged as of now without --at. --at last takes the time of the newest observation.`;

const parseAt = (text: string): At => (text === 'last' ? text : parseTime(text));

export const metricsCommand = (): Command =>
  baseCommand({
    name: 'metrics',
    description: 'print the Prometheus metrics that the data alone gives; gauges of fresh buckets only',
    options: [new TimeOption('--at <time>', 'as of this time').argParser(parseAt)],
    help: HELP,
  }).action(async (options: MetricsOptions) => {
    await observing(options, async ({ database }) => printText(await scrape(database, options.at ?? Date.now())));
  });

async function scrape(database: Database, at: At): Promise<string> {
  const now = at === 'last' ? await newestObservation(database) : at;
  if (now === null) throw new UsageError('there is no observation yet: --at last has no time');
  // As the process that wrote the data was told, which the views follow too.
  const staleAfterMs = await readStaleAfterMs(database);
  const calls = { database, now: () => now, staleAfterMs };
  const samples = [outboxSample(database, () => now), notFoundSample(calls), unexplainedSample(calls)];
  return await new Metrics({ sql: database, now: () => now, staleAfterMs, samples }).scrape();
}
