/** Checkpoints as text and as JSON. */
import type { Checkpoint } from '../../operate/checkpoints.ts';
import type { CheckpointRow } from '../../store/checkpoints.ts';
import { table } from './table.ts';
import { iso, numberText, timeText } from '../../format.ts';
import type { Column } from './table.ts';

export const checkpointJson = ({ movedAt, ...checkpoint }: Checkpoint) => ({ ...checkpoint, moved_at: iso(movedAt) });

export function checkpointsText(found: readonly Checkpoint[]): string[] {
  const problems = [...new Set(found.flatMap(({ topic, problem }) => (problem === null ? [] : [topic])))];
  const hints = problems.map(
    (topic) =>
      `processors of ${topic} can't go on where there is a problem; balde checkpoints reset --topic ${topic} makes them begin with the oldest message kept`,
  );
  const columns = problems.length === 0 ? COLUMNS : [...COLUMNS, PROBLEM];
  return [...table(columns, found), ...hints];
}

const COLUMNS: readonly Column<Checkpoint>[] = [
  { title: 'PROCESSOR', value: (c) => `${c.fold} v${c.version}${c.served ? '' : ' (not in service)'}` },
  { title: 'TOPIC', value: (c) => c.topic },
  { title: 'PARTITION', value: (c) => String(c.partition), right: true },
  { title: 'POSITION', value: (c) => c.position ?? '-' },
  { title: 'MOVED AT', value: (c) => timeText(c.movedAt) },
  { title: 'BEHIND', value: (c) => (c.behind === null ? '?' : numberText(c.behind)), right: true },
];

const PROBLEM: Column<Checkpoint> = { title: 'PROBLEM', value: (c) => c.problem ?? '' };

export const resetQuestion = (topic: string, rows: readonly CheckpointRow[]): string =>
  [
    `this would let processors begin with the oldest message that topic ${topic} keeps:`,
    ...rows.map((row) => `  ${describe(row)}`),
    'Rows stay; what is read again makes no second row and repeats no alert. Say --yes as well.',
  ].join('\n');

export const resetJson = ({ fold, version, partition, position }: CheckpointRow) => ({
  ...{ fold, version, partition, was: position },
});

export const resetText = ({ topic, rows }: { readonly topic: string; readonly rows: readonly CheckpointRow[] }) =>
  rows.length === 0
    ? [`no processor has a position in what was named of ${topic}`]
    : rows.map((row) => `reset  ${describe(row)}: goes on with the oldest message kept`);

const describe = ({ fold, version, partition, position }: CheckpointRow): string =>
  `${fold} v${version}, partition ${partition}, from ${position ?? '-'}`;
