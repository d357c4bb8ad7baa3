/** Rows of the version in service that the log has no event for, in words and as JSON. */
import type { EpochMs } from '../../domain/events.ts';
import type { Unlogged } from '../../rebuild/unlogged.ts';
import { iso, numbered } from '../../format.ts';

const MAX_SHOWN = 20;

export const unloggedJson = ({ table, month, participant, policy, rows }: Unlogged) => ({
  table,
  month: month === null ? null : iso(month).slice(0, 7),
  participant,
  endpoint_id: policy,
  rows,
});

const was = (count: number): string => (count === 1 ? 'was' : 'were');

/** `, in 2026-03`, or `, in 3 months from 2026-03 to 2026-05`. */
export function spanText(months: readonly EpochMs[]): string {
  const [first, last] = [months[0], months.at(-1)].map((month) => (month === undefined ? '' : iso(month).slice(0, 7)));
  if (months.length === 0) return '';
  return months.length === 1 ? `, in ${first}` : `, in ${months.length} months from ${first} to ${last}`;
}

const sum = (rows: readonly Unlogged[]): number => rows.reduce((total, one) => total + one.rows, 0);

export function takenOverText(rows: readonly Unlogged[]): string[] {
  if (rows.length === 0) return [];
  return [
    `${numbered(sum(rows), 'row')} ${was(sum(rows))} taken over from the version in service: the log does not reach back to their events. ` +
      'What they say could not be checked',
    ...linesOf('TAKEN OVER', rows),
  ];
}

export function leftOutText(rows: readonly Unlogged[]): string[] {
  if (rows.length === 0) return [];
  return [
    `${numbered(sum(rows), 'row')} of the version in service ${was(sum(rows))} left out: the log reaches back to their time, and has no event of theirs`,
    ...linesOf('LEFT OUT', rows),
  ];
}

/** One line for each bucket of a table. */
function linesOf(word: string, rows: readonly Unlogged[]): string[] {
  const groups = new Map<string, Unlogged[]>();
  for (const row of rows) {
    const name = `${row.table} ${row.participant}:${row.policy}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const lines = [...groups].slice(0, MAX_SHOWN).map(([name, group]) => {
    const months = group.map(({ month }) => month).filter((month) => month !== null);
    return `${word} ${name}: ${numbered(sum(group), 'row')}${spanText(months)}`;
  });
  return groups.size > MAX_SHOWN ? [...lines, `and ${groups.size - MAX_SHOWN} more`] : lines;
}
