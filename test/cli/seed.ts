/** A database with observations of two buckets, run through every fold: what the reading commands show. */
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { checkAnswer } from '../../src/domain/validation.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import { relay } from '../../src/consume/relay.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { foldStandings } from '../../src/app/standing.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { eventually } from '../support/eventually.ts';

export const PARTICIPANT = '12345678';
/** Per poll, tokens left of the policy that falls and recovers: OK, WARNING, CRITICAL, OK, CRITICAL. */
const FALLING = [300, 40, 10, 250, 0] as const;
export const MINUTE = 60_000;

/** Observations of two policies, five polls a minute apart, the last one at `last`. */
export function observationsUntil(last: number): PolicyStateObserved[] {
  return FALLING.flatMap((availableTokens, i) => {
    const responseTime = last - (FALLING.length - 1 - i) * MINUTE;
    const bucket = { capacity: 300, refillTokens: 60, refillPeriodSec: 60 };
    const answer = {
      responseTime,
      category: 'F',
      policies: [
        { name: 'FALLING', availableTokens, ...bucket },
        { name: 'STEADY', availableTokens: 300, ...bucket },
      ],
    };
    const poll = {
      participant: PARTICIPANT,
      pollId: `00000000-0000-4000-8000-00000000000${i}`,
      correlationId: null,
      observedAt: responseTime + 25,
    };
    const checked = checkAnswer(answer, poll);
    if (!checked.ok) throw new Error(checked.detail);
    return checked.observations;
  });
}

export async function publish(log: EventLog, observations: readonly PolicyStateObserved[], firstId = 1): Promise<void> {
  const producer = await log.producer(POLICY_STATES.name, {
    name: 'test',
    access: 'shared',
    signal: new AbortController().signal,
  });
  await producer.send(
    observations.map((observation, i) => ({ ...POLICY_STATES.encode(observation), sequenceId: firstId + i })),
  );
  await producer.close();
}

/** Runs every fold and the relay until all of them are caught up. */
export async function foldAll(database: Database, log: EventLog): Promise<void> {
  const stop = new AbortController();
  const context = { database, log, rules: DEFAULT_RULES, observer: silentObserver };
  const running = [
    ...Object.values(FOLD_RUNNERS).map(async (run) => run(context, stop.signal)),
    relay({ database, log, topic: RATE_LIMIT_ALERTS.name, observer: silentObserver }, stop.signal),
  ];
  try {
    await eventually('every fold is caught up', async () => {
      const isCaughtUp = async () => (await foldStandings(database, log)).every((fold) => fold.caughtUp);
      // Twice: the reactor's output is on its topic only after the relay ran.
      return (await isCaughtUp()) && (await outboxSize(database)) === 0 && (await isCaughtUp());
    });
  } finally {
    stop.abort();
    await Promise.all(running);
  }
}

export async function seed(database: Database, log: EventLog, last: number): Promise<PolicyStateObserved[]> {
  const observations = observationsUntil(last);
  await publish(log, observations);
  await foldAll(database, log);
  return observations;
}
