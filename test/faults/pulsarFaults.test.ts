/**
 * Everything breaks at once, on Pulsar: workers, the broker, the database, connections; the database goes
 * back to an earlier backup while the topics go on. At the end tables and topics are what a straight fold of
 * the observations gives, and whoever subscribed to the alert topic saw each alert once.
 *
 * FAULTS_SEED repeats a run's choices; FAULTS_KILLS makes it longer or shorter, `npm run test:campaign` at
 * full length.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TOPICS } from '../../src/topology/folds.ts';
import { describePulsar } from '../support/pulsarSuites.ts';
import { inspect } from './aftermath.ts';
import { startKillableBroker } from './broker.ts';
import type { KillableBroker } from './broker.ts';
import { figures, lengthOf } from './campaign.ts';
import { FaultRun } from './faultRun.ts';
import { Journal } from './journal.ts';
import { onPulsar } from './onPulsar.ts';
import type { OnPulsar } from './onPulsar.ts';
import { startKillableServer } from './server.ts';
import type { KillableServer } from './server.ts';
import { evidence, expectSoundAlerts, subscribe } from './subscriber.ts';
import { startWorld, TWO_PARTICIPANTS } from './world.ts';
import type { World } from './world.ts';

const SEED = Number(process.env['FAULTS_SEED'] ?? 20_260);
const FAULTS = lengthOf({ short: 10, campaign: 100 });

describePulsar('on Pulsar', () => {
  let broker: KillableBroker;
  let pulsar: OnPulsar;
  let postgres: KillableServer;
  let world: World;

  beforeAll(async () => {
    broker = await startKillableBroker(2);
    pulsar = onPulsar(broker.direct);
    postgres = await startKillableServer();
    world = await startWorld(postgres.url, SEED, pulsar, { participants: TWO_PARTICIPANTS });
  }, 300_000);

  afterAll(async () => {
    await world.stop();
    await postgres.remove();
    await broker.remove();
  });

  it(
    `${FAULTS} faults of every kind lose nothing and double nothing [FOLD-1, FOLD-2, FOLD-6, LOG-5, OUT-2, POLL-1]`,
    { timeout: 1_800_000 },
    async ({ annotate }) => {
      const startedAt = performance.now();
      const journal = new Journal(`pulsar faults, FAULTS_SEED=${SEED}`);
      const inspection = inspect(postgres.url, pulsar);
      const { log } = inspection;
      for (const topic of TOPICS) await log.ensureTopic(topic);
      const subscriber = await subscribe(log);
      await journal.around(
        world.workers,
        async () => evidence(log, subscriber),
        async () => {
          const run = new FaultRun({ seed: SEED, faults: FAULTS, world, broker, pulsar, postgres, journal });
          await run.run();
          journal.note('the faults are over');
          const compared = await world.settle();
          await expectSoundAlerts(log, subscriber);

          const { observations, alerts, resolved } = compared;
          const seconds = Math.round((performance.now() - startedAt) / 1000);
          await annotate(figures(run.dealt, compared, seconds, SEED));
          const dealt = Object.values(run.dealt).reduce((a, b) => a + b, 0);
          expect(dealt).toBeGreaterThanOrEqual(FAULTS);
          expect(observations).toBeGreaterThan(10 * FAULTS);
          expect(alerts).toBeGreaterThan(FAULTS / 4);
          expect(resolved).toBeGreaterThan(FAULTS / 5);
        },
      );
      await inspection.close();
    },
  );
});
