/** The alert that a question is about: named by an id or the beginning of one, or the newest. */
import type { BucketFilter } from '../views/buckets.ts';
import { UsageError } from '../errors.ts';
import { alertsBetween, alertsStarting } from '../views/alerts.ts';
import type { Sql } from '../store/database.ts';
import { timeText } from '../format.ts';
import { pickBuckets } from './buckets.ts';

/** At least four characters: fewer would mostly be a slip. */
const PREFIX = /^[0-9a-f]{4}[0-9a-f-]{0,32}$/;

const MAX_NAMED = 10;

export const HOW_TO_NAME = 'balde alerts --json lists alerts with their ids';

export const isBeginningOfId = (said: string): boolean => PREFIX.test(said.toLowerCase());

/** The id that begins so. @throws {UsageError} none does, or several do */
export async function namedAlert(sql: Sql, said: string): Promise<string> {
  const found = await alertsStarting(sql, said.toLowerCase(), MAX_NAMED + 1);
  const [alert] = found;
  if (alert === undefined) throw new UsageError(`there is no alert ${said}: ${HOW_TO_NAME}`);
  if (found.length === 1) return alert.id;
  const named = found
    .slice(0, MAX_NAMED)
    .map((one) => `\n  ${one.id}  ${timeText(one.created_at)}  ${one.severity} of ${one.endpoint_id}`);
  throw new UsageError(
    `${said} begins the ids of ${found.length > MAX_NAMED ? `more than ${MAX_NAMED}` : found.length} alerts, give more of it:${named.join('')}`,
  );
}

/** The id of the newest alert. @throws {UsageError} there is none */
export async function newestAlert(sql: Sql, filter: BucketFilter): Promise<string> {
  const { participant = null, policy = null } = filter;
  const alerts = { open: false, from: null, to: null, participant, policy, severity: null };
  const [last] = await alertsBetween(sql, alerts, 1);
  if (last !== undefined) return last.id;
  const narrowed = participant !== null || policy !== null;
  if (narrowed) await pickBuckets(sql, filter);
  const of = narrowed ? ` for ${[participant, policy].filter((name) => name !== null).join(', ')}` : '';
  throw new UsageError(`no alert was raised${of} yet: there is nothing to explain`);
}
