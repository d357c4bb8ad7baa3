/** How full a bucket was over the time that its history shows. */
import { profileOf } from '../views/history.ts';
import type { HistoryPoint, PointRange, Profile } from '../views/history.ts';
import { UsageError } from '../errors.ts';
import { iso } from '../format.ts';
import type { Sql } from '../store/database.ts';

/**
 * Of the times asked for; without any, of the points shown.
 * @param points those shown, oldest first
 * @throws {UsageError} there is no observation: says which there are
 */
export async function profileShown(
  sql: Sql,
  asked: PointRange,
  points: readonly HistoryPoint[],
  slices: number,
): Promise<Profile> {
  const range = shownRange(asked, points);
  const profile = range === null ? null : await profileOf(sql, range, slices);
  if (profile !== null) return profile;
  const { participant, policy } = asked;
  const whole = await profileOf(sql, { participant, policy }, 1);
  const span = whole === null ? 'none at all' : `from ${iso(whole.from)} to ${iso(whole.to)}`;
  throw new UsageError(`no observation in these times; history of this bucket has ${span}`);
}

function shownRange(asked: PointRange, points: readonly HistoryPoint[]): PointRange | null {
  const [first] = points;
  if (first === undefined) return null;
  const { from, to } = asked;
  return from === undefined && to === undefined ? { ...asked, from: first.response_time } : asked;
}
