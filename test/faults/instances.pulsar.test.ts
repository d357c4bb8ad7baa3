/** Several instances on Pulsar: partitions move between them as they come and go, and are added while they run. */
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { statesProjection } from '../../projections/states/fold.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { Consumer, ConsumerOptions, EventLog } from '../../src/log/eventLog.ts';
import { AdminClient } from '../../src/log/pulsar/admin.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { loadCheckpoints } from '../../src/store/checkpoints.ts';
import { firstVersionOf } from '../../src/store/schemas.ts';
import type { Database } from '../../src/store/database.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { emptyDatabase } from '../support/database.ts';
import { eventually, LONG_MS } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { catchUp, inspect } from './aftermath.ts';
import { onPulsar } from './onPulsar.ts';
import type { OnPulsar } from './onPulsar.ts';
import type { Worker } from './worker.ts';
import { FOLD_ROLES, FOUR_PARTICIPANTS, published, startWorld } from './world.ts';
import type { World } from './world.ts';

const SEED = Number(process.env['FAULTS_SEED'] ?? 13);
const GROWN = 6;
/** Three instances share two cores with the broker: polls that come faster than they are read would pile up. */
const CALM = { POLL_INTERVAL: '3s' };
/** Consumers look for new partitions every 30 s. */
const GROWTH_MS = LONG_MS;

let pulsar: OnPulsar;
let world: World;
let databaseUrl: string;

/** Who reads each partition of the observations for the states projection, by the broker's account. */
async function holders(): Promise<string[]> {
  const admin = new AdminClient(pulsar.pulsar);
  const { tenant, namespace } = pulsar.pulsar;
  try {
    const names: string[] = [];
    for (let partition = 0; partition < POLICY_STATES.partitions; partition += 1) {
      const path = `persistent/${tenant}/${namespace}/${POLICY_STATES.name}-partition-${partition}/stats`;
      const stats = await admin.get<{
        subscriptions: Record<string, { activeConsumerName?: string; consumers: { consumerName: string }[] }>;
      }>(path);
      const subscription = stats?.subscriptions[`${statesProjection.name}-v1`];
      const active = subscription?.activeConsumerName;
      if (subscription?.consumers.some(({ consumerName }) => consumerName === active) === true)
        names.push(active ?? '');
    }
    return names;
  } finally {
    admin.close();
  }
}

const shared = async (instances: number): Promise<void> => {
  await eventually(
    `the partitions are shared among ${instances}`,
    async () => {
      const names = await holders();
      return names.length === POLICY_STATES.partitions && new Set(names).size === instances;
    },
    LONG_MS,
  );
};

const batches = (worker: Worker): number =>
  worker.lines.filter(({ msg, fold }) => msg === 'batch committed' && fold === statesProjection.name).length;

/** Each of the workers commits something from now on. */
async function allWork(workers: readonly Worker[]): Promise<void> {
  const before = workers.map(batches);
  const isSo = async (): Promise<boolean> =>
    Promise.resolve(workers.every((worker, i) => batches(worker) > (before[i] ?? 0)));
  await eventually('every instance works', isSo, LONG_MS);
}

async function polled(more: number): Promise<void> {
  const until = published(world.workers) + more;
  const isThere = async (): Promise<boolean> => Promise.resolve(published(world.workers) >= until);
  await eventually(`${more} more polls`, isThere, LONG_MS);
}

/** What the workers warned of. */
const troubles = (workers: readonly Worker[]): string[] =>
  workers.flatMap(({ pid, lines }) =>
    lines.filter(({ level }) => level === 'warn' || level === 'error').map((line) => `${pid} ${JSON.stringify(line)}`),
  );

async function stopped(worker: Worker): Promise<void> {
  worker.signal('SIGTERM');
  expect(await worker.exited).toBe(0);
}

/** Observations of a key that moved are in two partitions: whoever reads the whole topic gets them in order of time. */
function inTimeOrder(log: EventLog): EventLog {
  const sorted = async (topic: string): Promise<Consumer> => {
    const messages = await readTopicOnce(log, topic);
    messages.sort((a, b) => a.eventTime - b.eventTime);
    const nothing = async (): Promise<void> => Promise.resolve();
    return {
      receive: async () => Promise.resolve(messages.splice(0)),
      seek: nothing,
      acknowledge: nothing,
      close: nothing,
    };
  };
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'consumer') {
        return async (topic: string, options: ConsumerOptions) =>
          topic === POLICY_STATES.name ? await sorted(topic) : await target.consumer(topic, options);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

describePulsar('instances on Pulsar', () => {
  beforeAll(async () => {
    pulsar = onPulsar(pulsarBroker());
    ({ url: databaseUrl } = await emptyDatabase());
    const backend = { ...pulsar, open: (database: Database) => inTimeOrder(pulsar.open(database)) };
    world = await startWorld(databaseUrl, SEED, backend, { participants: FOUR_PARTICIPANTS });
  });

  afterAll(async () => {
    await world.stop();
  });

  it(
    'share the partitions, take over from one that dies, and find partitions that were added [LOG-6, FOLD-1]',
    { timeout: 1_200_000 },
    async () => {
      onTestFailed(() => void process.stderr.write(`${troubles(world.workers).join('\n')}\n`));
      let poller = world.start(['poller'], CALM);
      const first = world.start(FOLD_ROLES);
      await shared(1);
      await allWork([first]);
      const [second, third] = [world.start(FOLD_ROLES), world.start(FOLD_ROLES)];
      await shared(3);
      await allWork([first, second, third]);
      second.signal('SIGKILL');
      await shared(2);
      await allWork([first, third]);

      // As documented: pollers stopped, nothing left to read, partitions added, pollers started.
      await stopped(poller);
      const before = inspect(databaseUrl, pulsar);
      await catchUp(before.database, before.log);
      await before.close();
      const operator = new PulsarLog(pulsar.pulsar);
      await operator.addPartitions(POLICY_STATES.name, GROWN);
      poller = world.start(['poller'], CALM);
      await polled(24);
      await stopped(poller);
      const after = inspect(databaseUrl, pulsar);
      await catchUp(after.database, after.log, GROWTH_MS);
      const positions = await loadCheckpoints(after.database, firstVersionOf(statesProjection), GROWN);
      expect([...positions.values()].slice(POLICY_STATES.partitions)).not.toContain(null);
      for (const worker of [first, third]) await stopped(worker);
      await after.close();
      await operator.close();
      const { alerts } = await world.settle();
      expect(alerts).toBeGreaterThan(20);
    },
  );
});
