/** What `balde verify` found, as text and as JSON. */
import type { Verified } from '../../operate/verify.ts';
import type { CountCheck } from '../../rebuild/logCount.ts';
import { iso, numbered, numberText } from '../../format.ts';
import { comparisonText } from './comparison.ts';
import { takenOverText, unloggedJson } from './unlogged.ts';

export const verificationJson = (what: string, { comparison, seals, counts, takenOver, looked }: Verified) => ({
  projection: what,
  looked,
  rows_equal: comparison?.rows ?? null,
  months_equal: comparison?.months ?? null,
  current_rows_equal: comparison?.current ?? null,
  differences: (comparison?.differences ?? []).map(({ month, policy, ...rest }) => ({
    ...rest,
    endpoint_id: policy,
    month: month === null ? null : iso(month).slice(0, 7),
  })),
  not_compared: comparison?.apart ?? [],
  only_in: comparison?.onlyIn ?? [],
  rows_as_logged: counts?.rows ?? null,
  months_as_logged: counts?.months ?? null,
  counted_otherwise: (counts?.differences ?? []).map(({ month, policy, ...rest }) => ({
    ...rest,
    endpoint_id: policy,
    month: iso(month).slice(0, 7),
  })),
  taken_over: takenOver.map(unloggedJson),
  seals_intact: seals.intact,
  seals_made: seals.sealed,
  altered: seals.altered.map(({ month, policy, now, ...then }) => ({
    ...then,
    endpoint_id: policy,
    month: iso(month).slice(0, 7),
    now: now === null ? null : { rows: now.rows, hash: now.hash },
  })),
});

const countsText = ({ rows, differences }: CountCheck): string[] => [
  `the log's own count: ${numberText(rows)} rows agree` +
    (differences.length === 0 ? '' : `, ${numbered(differences.length, 'month')} of buckets do not`),
  ...differences.map(
    ({ month, participant, policy, logged, rows: found }) =>
      `COUNTED ${iso(month).slice(0, 7)} ${participant}:${policy}: ` +
      `${numberText(logged)} observations in the log, ${numberText(found)} rows in history`,
  ),
];

export const verificationText = (
  what: string,
  { comparison, seals, counts, takenOver, looked }: Verified,
): string[] => [
  ...(comparison === null ? [] : comparisonText(comparison)),
  ...takenOverText(takenOver),
  ...(counts === null ? [] : countsText(counts)),
  `seals: ${numberText(seals.intact)} intact, ${numberText(seals.sealed)} made now, ${numberText(seals.altered.length)} broken`,
  ...seals.altered.map(
    ({ month, participant, policy, rows, now }) =>
      `ALTERED ${iso(month).slice(0, 7)} ${participant}:${policy}: ${rows} rows when it was sealed, ${now?.rows ?? 0} now` +
      (now?.rows === rows ? ', with other values' : ''),
  ),
  ...(looked ? [] : [nothingText(what, comparison !== null)]),
];

const nothingText = (what: string, compared: boolean): string =>
  compared
    ? `NOTHING COMPARED: there is no row of ${what} that the log still tells of, so this proves nothing`
    : `NOTHING COMPARED: no month of ${what} is sealed yet, so this proves nothing. balde verify seals months that are over`;
