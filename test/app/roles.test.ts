/** Roles of one process, and what they stand on. */
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { runRelays, runRoles } from '../../src/app/roles.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import { LogError } from '../../src/log/eventLog.ts';
import type { EventLog, Producer } from '../../src/log/eventLog.ts';
import { RELAYED_TOPICS } from '../../src/topology/folds.ts';
import { gate } from '../support/gates.ts';
import type { Gate } from '../support/gates.ts';
import { baldeDatabase } from '../support/database.ts';
import { withProducers } from '../support/withProducers.ts';

const { url, database, log } = await baldeDatabase();
const logger = pino({ level: 'silent' });
const never = new AbortController().signal;
const config = loadConfig({ PARTICIPANT: '12345678', BRIDGE_ADDRESS: '127.0.0.1:1' });
const storage = {
  ...{ database, log, databaseOptions: { url }, description: '', logDescription: '' },
  close: async () => Promise.resolve(),
};

const refused = new LogError('the topic was terminated');

/** The log; some producers are refused once another is there, which waits at the gate when it is closed. */
function refusing(isRefused: (topic: string, name: string) => boolean, closing: Gate): EventLog {
  const other = gate();
  const slowToClose = async (producer: Producer): Promise<Producer> => {
    void other.pass();
    const close = async (): Promise<void> => {
      await closing.pass();
      await producer.close();
    };
    const { topic, lastSequenceId } = producer;
    return Promise.resolve({ topic, lastSequenceId, send: async (messages) => await producer.send(messages), close });
  };
  return withProducers(log, async (topic, options) => {
    if (!isRefused(topic, options.name)) return await slowToClose(await log.producer(topic, options));
    await other.reached;
    throw refused;
  });
}

/** Expects `running` not to settle while a sibling waits at the gate, and to be refused once that is open. */
async function settlesBehind(closing: Gate, running: Promise<unknown>): Promise<void> {
  const settling = running.catch((error: unknown) => error);
  await closing.reached;
  // What does not wait settles within this time.
  expect(await Promise.race([settling, delay(500, 'waiting')])).toBe('waiting');
  closing.open();
  expect(await settling).toBe(refused);
}

describe('when one of them fails, the process waits until the others have drained [OPS-3]', () => {
  test('relays of several topics', async () => {
    const closing = gate();
    const [first] = RELAYED_TOPICS;
    const one = refusing((topic) => topic === first, closing);
    await settlesBehind(closing, runRelays({ database, log: one }, silentObserver, never));
  });

  test('pollers of several participants', async () => {
    const closing = gate();
    const one = refusing((_, name) => name.includes('12345678'), closing);
    const participants = ['12345678', '12345673'].flatMap((participant) =>
      config.participants.map((one) => ({ ...one, participant })),
    );
    const poll = { ...config.poll, whenElected: false };
    const two = { config: { ...config, participants, poll }, storage: { ...storage, log: one } };
    await settlesBehind(closing, runRoles({ ...two, logger, roles: ['poller'] }, never));
  });
});

describe('[PUL-20] what the roles stand on is gone', () => {
  test('they drain, and the process ends with why: it is not cut off in the middle', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    const gone = new Error('the namespace belongs to another database');
    const watched = { ...storage, watch: async () => Promise.reject(gone) };
    await expect(runRoles({ config, storage: watched, logger, roles: ['alerting'] }, never)).rejects.toBe(gone);
    expect(unhandled).toEqual([]);
  });
});
