/** What comparing two versions of a read model found, as text. */
import type { Comparison, Difference } from '../../rebuild/verify.ts';
import { iso, numbered, numberText } from '../../format.ts';
import { spanText } from './unlogged.ts';

const MAX_SHOWN = 20;

export function comparisonText(comparison: Comparison): string[] {
  const { left, right, rows, buckets, calendarMonths, current, differences, apart, onlyIn } = comparison;
  const lines = [
    `versions ${left} and ${right}: ${numberText(rows)} rows equal, of ${numbered(buckets, 'bucket')}${spanText(calendarMonths)}` +
      (current > 0 ? `, and ${numberText(current)} rows of what is true now` : ''),
    ...differences.slice(0, MAX_SHOWN).map(differenceText),
  ];
  if (differences.length > MAX_SHOWN) lines.push(`and ${differences.length - MAX_SHOWN} more`);
  for (const version of [left, right]) {
    const names = onlyIn
      .filter((one) => one.version === version)
      .map(({ table, column }) => [table, column ?? '*'].join('.'));
    if (names.length > 0) lines.push(`only version ${version} has, and not compared: ${names.join(', ')}`);
  }
  if (apart.length > 0)
    lines.push(
      `not equally far, or known to one of them only, and not compared: ${apart.slice(0, MAX_SHOWN).join(', ')}`,
    );
  return lines;
}

function differenceText({ table, month, participant, policy, rows, first }: Difference): string {
  const where = [table, ...(month === null ? [] : [iso(month).slice(0, 7)]), `${participant}:${policy}`].join(' ');
  const counts = rows[0] === rows[1] ? `${rows[0]} rows` : `${rows[0]} and ${rows[1]} rows`;
  if (first === null) return `DIFFERENT ${where}: ${counts}`;
  const key = Object.values(first.key).join(' ');
  if (first.left === null) return `DIFFERENT ${where}: ${counts}, first: ${key} is extra in the second`;
  if (first.right === null) return `DIFFERENT ${where}: ${counts}, first: ${key} is missing in the second`;
  const { left, right } = first;
  const columns = Object.keys(left).filter((name) => JSON.stringify(left[name]) !== JSON.stringify(right[name]));
  const values = columns.map((name) => `${name} ${JSON.stringify(left[name])} / ${JSON.stringify(right[name])}`);
  return `DIFFERENT ${where}: ${counts}, first: ${key}: ${values.join(', ')}`;
}
