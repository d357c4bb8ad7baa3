/** How far behind processors and relays are, as text and as JSON. */
import type { Lag, PartitionLag, RelayLag } from '../../app/lag.ts';
import { table } from './table.ts';
import { durationText, numberText } from '../../format.ts';
import type { Column } from './table.ts';

export const lagJson = ({ folds, outbox }: Lag) => ({
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

export const lagText = ({ folds, outbox }: Lag): string[] => [
  ...table(PROCESSORS, folds),
  '',
  ...table(RELAYS, outbox),
];

const PROCESSORS: readonly Column<PartitionLag>[] = [
  { title: 'PROCESSOR', value: (p) => `${p.fold} v${p.version}${p.served ? '' : ' (not in service)'}` },
  { title: 'TOPIC', value: (p) => p.topic },
  { title: 'PARTITION', value: (p) => String(p.partition), right: true },
  { title: 'BEHIND', value: (p) => numberText(p.eventsBehind), right: true },
  { title: 'AGE', value: (p) => durationText(p.secondsBehind), right: true },
];

const RELAYS: readonly Column<RelayLag>[] = [
  { title: 'OUTBOX FOR', value: (r) => r.topic },
  { title: 'WAITING', value: (r) => numberText(r.entries), right: true },
  { title: 'AGE', value: (r) => durationText(r.oldestSeconds), right: true },
];
