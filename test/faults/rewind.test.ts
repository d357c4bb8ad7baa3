/**
 * Consumers and processors when what they remember is no longer so.
 *
 * The database goes back to a backup under a running consumer, at its worst moments: between a batch and its commit,
 * with a log that then can't be told where to go on, and between two parts of one batch.
 */
import { expect, it } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { consume } from '../../src/consume/consumer.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import type { Consumer, EventLog, LogMessage } from '../../src/log/eventLog.ts';
import type { Database } from '../../src/store/database.ts';
import { observed } from '../support/observations.ts';
import { alerting, history, recorder, states } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

/** Everything that the consumer has committed is undone, as by a backup from before it began. */
async function restoreEmpty(database: Database): Promise<void> {
  for (const table of ['history', 'latest', 'policies', 'fold_state'])
    await database.execute(`delete from states_v1.${table}`);
  await database.execute(`update balde.checkpoint set position = null`);
}

/** The log, its consumers changed. */
const around = (log: EventLog, change: (consumer: Consumer) => Partial<Consumer>): Pick<EventLog, 'consumer'> => ({
  consumer: async (topic, options) => {
    const real = await log.consumer(topic, options);
    return {
      receive: async (o) => await real.receive(o),
      seek: async (...where) => await real.seek(...where),
      acknowledge: async (...where) => await real.acknowledge(...where),
      close: async () => await real.close(),
      ...change(real),
    };
  },
});

const events = (from: number, n: number) =>
  Array.from({ length: n }, (_, i) => observed(`P${(from + i) % 8}`, from + i, 50));

interface Running {
  readonly conflicts: () => number;
  stop(): Promise<void>;
}

function start(database: Database, log: Pick<EventLog, 'consumer'>, lingerMs = 0): Running {
  const abort = new AbortController();
  const observer = recorder();
  const options = {
    log: log as EventLog,
    topic: POLICY_STATES.name,
    subscription: 'states-v1',
    observer,
    lingerMs,
  };
  const done = consume(states(database, { observer }), options, abort.signal);
  return {
    conflicts: () => observer.count('conflict'),
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}

const committed = async (database: Database, rows: number): Promise<void> => {
  await eventually(`${rows} rows`, async () => (await history(database)).length === rows);
};

it('a conflict whose seek fails is not followed by the same batch again: it would skip what was undone [FOLD-2]', async () => {
  const { database, log } = await baldeDatabase();
  let failures = 0;
  const failing = around(log, (real) => ({
    seek: async (partition, position) => {
      failures += 1;
      if (failures <= 3) throw new LogUnavailableError('the broker is away');
      await real.seek(partition, position);
    },
  }));
  await publish(log, events(0, 40));
  const running = start(database, failing);
  await committed(database, 40);
  await restoreEmpty(database);
  await publish(log, events(40, 40));
  await committed(database, 80);
  expect(failures).toBeGreaterThan(3);
  expect(running.conflicts()).toBe(1);
  await running.stop();
});

it('a partition resumed between two parts of one batch gives up the first part [FOLD-2]', async () => {
  const { database, log } = await baldeDatabase();
  await publish(log, events(0, 80));
  const all = await policyStates(log);
  const middle = observed('P0', 40, 50).responseTime;
  const later = all.filter(({ eventTime }) => eventTime >= middle);
  // A consumer hands the later half out, finds at the next receive that it has to resume, and begins anew.
  let turn = 0;
  const resuming: Pick<EventLog, 'consumer'> = {
    consumer: async (_topic, { subscription }) => {
      const resumeAll = async (): Promise<void> => {
        for (let partition = 0; partition < POLICY_STATES.partitions; partition += 1)
          await subscription?.resume(partition);
      };
      const parts = [later, [], all];
      await resumeAll();
      const receive: Consumer['receive'] = async ({ waitMs, signal }) => {
        const part = parts[turn];
        turn += 1;
        if (part === undefined) {
          if (waitMs > 0) await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return [];
        }
        if (turn === 2) await resumeAll();
        return inOrder(part);
      };
      const nothing = async (): Promise<void> => Promise.resolve();
      return { receive, seek: nothing, acknowledge: nothing, close: nothing };
    },
  };
  const running = start(database, resuming, 1);
  await committed(database, 80);
  await running.stop();
});

it('a partition that was added is not read with what is remembered of the partition its keys came from [FOLD-1]', async () => {
  const { database, log } = await baldeDatabase();
  await publish(log, [observed('A', 0, 90), observed('A', 5, 15), observed('A', 10, 90)]);
  const [first, second, third] = await policyStates(log);
  if (first === undefined || second === undefined || third === undefined) throw new Error('three messages');
  const [one, other] = [alerting(database), alerting(database)];
  await one.resume(first.partition);
  await one.process([first]);
  await other.resume(first.partition);
  await other.process([second]);
  // The key moves to a new partition, and with it comes the instance that knows it as it was at first.
  await one.resume(POLICY_STATES.partitions);
  await one.process([{ ...third, partition: POLICY_STATES.partitions }]);
  const decided = await database.query<{ type: string }>(
    `select properties->>'event_type' as type from balde.outbox order by id`,
  );
  expect(decided.map(({ type }) => type)).toEqual(['AlertRaised', 'AlertResolved']);
});

const inOrder = (messages: readonly LogMessage[]): LogMessage[] =>
  [...messages].sort((a, b) => a.partition - b.partition || (a.position < b.position ? -1 : 1));
