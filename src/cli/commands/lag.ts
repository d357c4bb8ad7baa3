/** `balde lag`: how far behind every processor and relay is. */
import { Command } from 'commander';
import { readLag } from '../../operate/lag.ts';
import type { Lag, PartitionLag, RelayLag } from '../../operate/lag.ts';
import { jsonOption, printJson, printLine, observing, stopSignal, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { table } from '../render/table.ts';
import { durationText, numberText } from '../../format.ts';
import type { Column } from '../render/table.ts';

const HELP = `
BEHIND counts the messages after a processor's last commit. AGE is how long ago the oldest of them happened. WAITING
counts decided alerts and dead letters that are not on their topic yet.`;

export function lagCommand(): Command {
  const command = new Command('lag')
    .description('show how far behind each processor is, by partition, and what waits in the outbox')
    .addOption(jsonOption())
    .addHelpText('after', HELP);
  return withStorageOptions(command).action(async (options: CommonOptions) => {
    const signal = stopSignal();
    await observing(options, async (storage) => {
      const lag = await readLag(storage, Date.now(), signal);
      if (options.json === true) printJson(json(lag));
      else for (const line of text(lag)) printLine(line);
    });
  });
}

const json = ({ folds, outbox }: Lag) => ({
  folds: folds.map(({ eventsBehind, secondsBehind, ...fold }) => ({
    ...fold,
    events_behind: eventsBehind,
    seconds_behind: secondsBehind,
  })),
  outbox: outbox.map(({ topic, entries, oldestSeconds }) => ({
    topic,
    entries,
    oldest_seconds: oldestSeconds,
  })),
});

const text = ({ folds, outbox }: Lag): string[] => [...table(FOLD_COLUMNS, folds), '', ...table(RELAY_COLUMNS, outbox)];

const FOLD_COLUMNS: readonly Column<PartitionLag>[] = [
  { title: 'PROCESSOR', value: (p) => `${p.fold} v${p.version}${p.served ? '' : ' (not in service)'}` },
  { title: 'TOPIC', value: (p) => p.topic },
  { title: 'PARTITION', value: (p) => String(p.partition), right: true },
  { title: 'BEHIND', value: (p) => numberText(p.eventsBehind), right: true },
  { title: 'AGE', value: (p) => durationText(p.secondsBehind), right: true },
];

const RELAY_COLUMNS: readonly Column<RelayLag>[] = [
  { title: 'OUTBOX FOR', value: (r) => r.topic },
  { title: 'WAITING', value: (r) => numberText(r.entries), right: true },
  { title: 'AGE', value: (r) => durationText(r.oldestSeconds), right: true },
];
