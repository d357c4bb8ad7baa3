/** Instances that were paused past their turn and wake up after another took their place; for any log. */
import { afterAll, describe, expect, it } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { projectionEffects, reactorEffects } from '../../src/consume/effects.ts';
import type { Effects } from '../../src/consume/effects.ts';
import { Processor } from '../../src/consume/processor.ts';
import type { Fold } from '../../src/domain/fold.ts';
import type { PolicyStateEvent } from '../../src/domain/events.ts';
import type { Database } from '../../src/store/database.ts';
import { left } from '../support/observations.ts';
import { takeAll } from '../support/processors.ts';
import { expectDatabaseEqualsOracle } from '../oracle/compare.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';
import { eventually, LONG_MS } from '../support/eventually.ts';
import { catchUp } from './aftermath.ts';
import type { Backend } from './backend.ts';
import { publish, recorder, runFolds } from './inProcess.ts';
import { ALL_ROLES, published, startWorld } from './world.ts';

/** Effects that wait, once, between the fold and the transaction: where a pause hurts most. */
function paused<O>(effects: Effects<O>): { effects: Effects<O>; reached: Promise<void>; resume: () => void } {
  let resume = (): void => undefined;
  let reach = (): void => undefined;
  const resumed = new Promise<void>((resolve) => (resume = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const prepare = async (out: readonly O[]): Promise<void> => {
    await effects.prepare(out);
    reach();
    await resumed;
  };
  return { effects: { ...effects, prepare }, reached, resume: () => resume() };
}

interface Case<S, O> {
  readonly fold: Fold<PolicyStateEvent, S, O>;
  readonly effects: (database: Database) => Effects<O>;
}

const STATES = { fold: statesProjection, effects: (db: Database) => projectionEffects(db, statesProjection) };
const ALERTING = {
  fold: alertingReactor(),
  effects: () => reactorEffects(RATE_LIMIT_ALERTS),
};

async function prepared(backend: Backend): Promise<{ database: Database; log: EventLog }> {
  const { database } = await baldeDatabase();
  const log = backend.open(database);
  afterAll(async () => {
    await log.close();
    await backend.remove();
  });
  for (const topic of TOPICS) await log.ensureTopic(topic);
  return { database, log };
}

async function zombieMeetsSuccessor<S, O>(backend: Backend, { fold, effects }: Case<S, O>): Promise<void> {
  const { database, log } = await prepared(backend);
  await publish(log, [left(1000), left(150, 5), left(50, 10), left(900, 15)]);
  const messages = await readTopicOnce(log, POLICY_STATES.name);
  const { decode } = POLICY_STATES;
  const instance = (own: Effects<O>) => {
    const observer = recorder();
    return {
      observer,
      processor: new Processor({ database, fold, decode, effects: own, observer }),
    };
  };
  const pause = paused(effects(database));
  const zombie = instance(pause.effects);
  const successor = instance(effects(database));
  await takeAll(zombie.processor);
  await takeAll(successor.processor);

  const outcome = zombie.processor.process(messages);
  await pause.reached;
  expect(await successor.processor.process(messages)).toBe('committed');
  pause.resume();
  expect(await outcome).toBe('conflict');
  expect(zombie.observer.conflicts).toHaveLength(1);

  await takeAll(zombie.processor);
  expect(await zombie.processor.process(messages), 'all of it is done').toBe('committed');
  const rest = runFolds(database, log);
  await catchUp(database, log);
  await rest.stop();
  await expectDatabaseEqualsOracle(database, log);
}

export function zombieSuite(backend: () => Backend): void {
  describe('a processor paused between its fold and its transaction, while another commits the batch [FOLD-3]', () => {
    it('fails, and doubles no row (states)', async () => zombieMeetsSuccessor(backend(), STATES));
    it('fails, and doubles no alert (alerting)', async () => zombieMeetsSuccessor(backend(), ALERTING));
  });

  describe('a whole process', () => {
    let stop = async (): Promise<void> => Promise.resolve();
    afterAll(async () => stop());

    it(
      'stopped past its leases while another takes over, then continued, doubles nothing [POLL-1, LOG-5]',
      { timeout: 900_000 },
      async () => {
        const { url, database } = await emptyDatabase();
        const world = await startWorld(url, 11, backend());
        stop = async () => world.stop();
        const zombie = world.start(ALL_ROLES);
        await eventually('the first polls', async () => Promise.resolve(published([zombie]) > 5));

        // Not in the middle of a transaction: its locks would hold the successor up until the server ends the session.
        await eventually('a moment between transactions', async () => {
          zombie.signal('SIGSTOP');
          const [open] = await database.query(
            `select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
          );
          if (open !== undefined) zombie.signal('SIGCONT');
          return open === undefined;
        });
        const successor = world.start(ALL_ROLES);
        const tookOver = async (): Promise<boolean> => Promise.resolve(published([successor]) > 5);
        await eventually('the takeover', tookOver, LONG_MS);
        zombie.signal('SIGCONT');
        const fenced = 'another poller took over: standing by';
        const found = async (): Promise<boolean> => Promise.resolve(zombie.lines.some((line) => line.msg === fenced));
        await eventually('the zombie finds out', found, LONG_MS);

        for (const worker of [zombie, successor]) {
          worker.signal('SIGTERM');
          expect(await worker.exited).toBe(0);
        }
        const { alerts } = await world.settle();
        expect(alerts).toBeGreaterThan(10);
      },
    );
  });
}
