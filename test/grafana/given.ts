/** A database that real folds filled: three days of five buckets, one of them watched closely while it was emptied. */
import pino from 'pino';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { CallJudge } from '../../src/app/callAlerts.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { EpochMs, PolicyStateObserved } from '../../src/domain/events.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { Database } from '../../src/store/database.ts';
import { REBUILDABLE } from '../../src/topology/folds.ts';
import type { RebuildableName } from '../../src/topology/folds.ts';
import { reportCalls } from '../calls/traffic.ts';
import { run } from '../projections/drive.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, observed, START } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { DAY, history, live } from '../support/rebuilds.ts';
import { never, publish, shared } from '../support/topics.ts';

const DAYS = 3;
const TEN_SECONDS = 1 / 6;
/** The one that was emptied. */
export const POLICY = 'CLAIMS_READ';

const of = (minute: number, tokens: number): PolicyStateObserved =>
  observed(POLICY, minute, tokens, { capacity: 1_000, refillTokens: 60, refillPeriodSec: 60 });

/** Every ten seconds from a minute on: ten come back each time, sixty are drawn from the 21st time to the `last`. */
function emptied(minute: number, times: number, last: number): PolicyStateObserved[] {
  let tokens = 700;
  return Array.from({ length: times }, (_, i) => {
    tokens = Math.min(1_000, tokens + 10 - (i < 20 ? (i % 3 === 0 ? 15 : 6) : i < last ? 60 : 0));
    return of(minute + i * TEN_SECONDS, tokens);
  });
}

/** Emptied and filled again, then emptied to 15 %: a forecast and an alert are open. */
function watched(): PolicyStateObserved[] {
  const calm = Array.from({ length: (DAYS * DAY) / 5 }, (_, i) => of(i * 5, 700 + (i % 7)));
  return [...calm, ...emptied(DAYS * DAY, 240, 40), ...emptied(DAYS * DAY + 60, 31, 40)];
}

const others = history(DAYS, 5).filter(({ policy }) => policy !== POLICY);
const events = [...others, ...watched()].sort((a, b) => a.responseTime - b.responseTime);

export const BEGIN: EpochMs = START;
/** When the newest observation was made. */
export const END: EpochMs = START + (DAYS * DAY + 60) * MINUTE + 30 * 10_000;

/** A minute's calls every ten minutes: fewer than were made. */
export const windows = Array.from({ length: ((DAYS * DAY + 60) / 10) * 2 }, (_, i) => {
  const [source, operation] = i % 2 === 0 ? ['payments', 'getClaim'] : ['batch', 'listClaims'];
  const counts = { status200: 20 + (i % 5), status404: i % 3, status429: i % 2 };
  const windowStart = START + 10 * Math.floor(i / 2) * MINUTE;
  return outcomes({
    ...{ policy: POLICY, source, operation, windowStart, completeUpTo: END + 60 * MINUTE },
    ...counts,
  });
});

/** Of the calls' 404 rate; its events stay in the outbox. */
async function judge(database: Database, now: EpochMs, percent: number | null): Promise<void> {
  const levels = { NOT_FOUND_RATE: percent, QUERIES_PER_PAYMENT_ORDER: null, UNEXPLAINED: null };
  const clock = { now: () => now, sleep: async () => await Promise.resolve() };
  const logger = pino({ level: 'silent' });
  await new CallJudge({ database, watched: database, levels, logger, clock, leastMs: 0 }).round(never);
}

export async function filled() {
  const { url, database, log } = await baldeDatabase();
  await publish(log, events);
  const producer = await shared(log, RATE_LIMIT_ALERTS.name, 'alerts');
  const decided = run(alertingReactor(DEFAULT_RULES, FORECAST_RULES), events);
  await producer.send(decided.map((event, sequenceId) => ({ ...RATE_LIMIT_ALERTS.encode(event), sequenceId })));
  await producer.close();
  await reportCalls(log, windows);
  for (const name of Object.keys(REBUILDABLE) as RebuildableName[]) await live(database, log, name);
  // Raised, and ended as no level was set any more.
  await judge(database, END - 50 * MINUTE, 1);
  await judge(database, END - 20 * MINUTE, null);
  return { url, database };
}
