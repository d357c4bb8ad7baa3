/** The folds and the relay in the test's own process, and observations straight into the log. */
import { RATE_LIMIT_ALERTS, POLICY_STATES } from '../../src/codec/topics.ts';
import { relay } from '../../src/consume/relay.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import type { ConsumeObserver } from '../../src/consume/observer.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import type { Database } from '../../src/store/database.ts';

export interface Recorder extends ConsumeObserver {
  readonly conflicts: string[];
  readonly letters: string[];
}

export function recorder(): Recorder {
  const conflicts: string[] = [];
  const letters: string[] = [];
  return {
    conflicts,
    letters,
    ...silentObserver,
    deadLettered: (_fold, _topic, reason) => void letters.push(reason),
    conflict: (fold) => void conflicts.push(fold),
  };
}

/** Stores observations in the order given, under ids that rise with it. */
export async function publish(log: EventLog, observations: readonly PolicyStateObserved[]): Promise<void> {
  const { signal } = new AbortController();
  const producer = await log.producer(POLICY_STATES.name, { name: 'test', access: 'shared', signal });
  const first = producer.lastSequenceId + 1;
  await producer.send(
    observations.map((observation, i) => ({ ...POLICY_STATES.encode(observation), sequenceId: first + i })),
  );
  await producer.close();
}

export interface RunningFolds {
  readonly observer: Recorder;
  stop(): Promise<void>;
}

/** Runs every fold and the relay of alerts until stopped. */
export function runFolds(database: Database, log: EventLog): RunningFolds {
  const stopping = new AbortController();
  const observer = recorder();
  const context = { database, log, rules: DEFAULT_RULES, observer };
  const running = Promise.all([
    ...Object.values(FOLD_RUNNERS).map(async (run) => run(context, stopping.signal)),
    relay({ database, log, topic: RATE_LIMIT_ALERTS.name, observer }, stopping.signal),
  ]);
  return {
    observer,
    stop: async () => {
      stopping.abort(new Error('stopped'));
      await running;
    },
  };
}
