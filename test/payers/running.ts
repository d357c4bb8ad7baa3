/** The processor of payers on a real database and log, and what the API says of what it keeps. */
import { setMaxListeners } from 'node:events';
import { payersFold } from '../../projections/payers/fold.ts';
import { apiOf } from '../../src/api/api.ts';
import type { PayerAnswer } from '../../src/api/answers.ts';
import { apiSite } from '../../src/api/routes.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { openPayersPublisher } from '../../src/calls/publish.ts';
import { FORMS } from '../../src/cli/sites.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import type { ConsumeObserver } from '../../src/consume/observer.ts';
import { whenCaughtUp } from '../../src/consume/progress.ts';
import type { PayerOutcomesObserved } from '../../src/domain/payers.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Answer, Site } from '../../src/serve/answer.ts';
import type { Database } from '../../src/store/database.ts';
import { never, patience } from '../support/topics.ts';

export const STATES = 'payers_v1.fold_state';

export async function report(log: EventLog, events: readonly PayerOutcomesObserved[]): Promise<void> {
  const publisher = await openPayersPublisher(log, () => Date.UTC(2030, 0, 1), never);
  await publisher.publish(events);
  await publisher.close();
}

export interface Running {
  readonly most?: number;
  readonly observer?: ConsumeObserver;
  /** While it runs, once it has read all. */
  readonly until?: () => Promise<unknown>;
}

/** Until all that is on the topic is read. */
export async function keep(
  database: Database,
  log: EventLog,
  { most = 100_000, observer = silentObserver, until }: Running = {},
): Promise<void> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const context = { database, log, rules: DEFAULT_RULES, payers: { most }, observer, lingerMs: 0 };
  const running = FOLD_RUNNERS.payers(context, stop.signal);
  try {
    await Promise.race([whenCaughtUp(database, log, [payersFold], patience()), running]);
    await until?.();
  } finally {
    stop.abort(new Error('caught up'));
    await running;
  }
}

export interface Site200 {
  readonly status: number;
  readonly text: string;
}

export function siteOf(
  database: Database,
  now: () => number,
  payers: Parameters<typeof apiSite>[0]['payers'] = { participant: '12345678' },
): Site {
  const shared = { now, rules: DEFAULT_RULES };
  const api = apiOf({ ...shared, database, studied: database, lag: () => null, forms: FORMS });
  return apiSite({ ...shared, api, payers, onError: (error) => expectNone(error) });
}

const expectNone = (error: unknown): void => {
  throw error;
};

export async function ask(site: Site, path: string): Promise<Site200> {
  const answer = await site({ method: 'GET', url: new URL(path, 'http://balde'), headers: {}, signal: never });
  if (answer === null || !('status' in answer)) throw new Error(`${path} was not answered whole`);
  const { status, body }: Answer = answer;
  return { status, text: body.toString() };
}

/** Of one payer, both buckets. */
export async function tokens(site: Site, payer: string, query = 'kind=PF'): Promise<PayerAnswer> {
  return JSON.parse((await ask(site, `/api/v1/payers/${payer}/tokens?${query}`)).text) as PayerAnswer;
}

/** Every state, as text: what two databases are compared by. */
export async function statesOf(
  database: Database,
): Promise<readonly { readonly key: string; readonly state: string }[]> {
  return await database.query(`select key, state::text as state from ${STATES} order by key`);
}
