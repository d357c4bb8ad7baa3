/** Traps of publishing to a broker that drops what it takes for a repetition: each with the way that falls into it. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { relay } from '../../src/consume/relay.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import type { EventLog, OutgoingMessage, Producer, SendResult } from '../../src/log/eventLog.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import { producerName, runPoller } from '../../src/poll/poller.ts';
import { ROOM } from '../../src/poll/sequence.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { answerAt, reading } from '../support/answers.ts';
import { gate } from '../support/gates.ts';
import { observation } from '../support/observations.ts';
import { recorder } from '../support/processors.ts';
import { expectDatabaseEqualsOracle } from '../oracle/compare.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { catchUp } from './aftermath.ts';
import { runFolds } from './inProcess.ts';
import { onPulsar } from './onPulsar.ts';
import type { OnPulsar } from './onPulsar.ts';
import { putIntoOutbox } from '../support/outbox.ts';
import { noReads } from '../support/bridges.ts';

const never = new AbortController().signal;
const HOUR = 3_600_000;

let pulsar: OnPulsar;
let log: EventLog;
let database: Database;

/** A topic of the case's own, with one partition: nothing hides in another. */
async function ownTopic(): Promise<string> {
  const name = `case-${randomUUID()}`;
  await log.ensureTopic({ name, partitions: 1, schema: { kind: 'bytes', definition: '' } });
  return name;
}

const producerOf = async (topic: string, name: string): Promise<Producer> =>
  await log.producer(topic, { name, access: 'exclusive', signal: never });

const texts = async (topic: string): Promise<string[]> =>
  (await readTopicOnce(log, topic)).map(({ payload }) => payload.toString());

const messageOf = (text: string, sequenceId: number): OutgoingMessage => ({
  key: 'bucket',
  payload: Buffer.from(text),
  properties: { event_id: text },
  eventTime: 1_000,
  sequenceId,
});

describePulsar('on Pulsar', () => {
  beforeAll(async () => {
    pulsar = onPulsar(pulsarBroker());
    ({ database } = await baldeDatabase());
    log = pulsar.open(database);
    for (const topic of TOPICS) await log.ensureTopic(topic);
  });

  afterAll(async () => {
    await log.close();
    await pulsar.remove();
  });

  outboxOrder();
  participants();
  clockOfDict();
  forgottenProducer();
});

/** Decides `first` in a transaction that commits after that of `second`, which it began before. */
async function decideCrossed(topic: string, between: () => Promise<void>): Promise<void> {
  const entry = (text: string) => ({
    topic,
    key: 'bucket',
    properties: { event_id: text },
    eventTime: 1_000,
    payload: Buffer.from(text),
  });
  const held = gate();
  const first = database.transaction(async (tx) => {
    await putIntoOutbox(tx, [entry('first')]);
    await held.pass();
  });
  await held.reached;
  await database.transaction(async (tx) => putIntoOutbox(tx, [entry('second')]));
  await between();
  held.open();
  await first;
}

function outboxOrder(): void {
  it('numbers of a database sequence lose the alert that commits late', async () => {
    const topic = await ownTopic();
    const producer = await producerOf(topic, 'naive');
    const sendNew = async (): Promise<SendResult> => {
      const rows = await database.query<{ id: number; payload: Buffer }>(
        'delete from balde.outbox where topic = $1 returning id, payload',
        [topic],
      );
      return await producer.send(rows.map(({ id, payload }) => messageOf(payload.toString(), id)));
    };
    await decideCrossed(topic, async () => {
      expect(await sendNew()).toEqual({ stored: 1, duplicates: 0 });
    });
    expect(await sendNew()).toEqual({ stored: 0, duplicates: 1 });
    expect(await texts(topic)).toEqual(['second']);
    await producer.close();
  });

  it('the relay publishes both, whichever commits first [OUT-3]', async () => {
    const topic = await ownTopic();
    const abort = new AbortController();
    const running = relay({ database, log, topic, observer: recorder() }, abort.signal);
    await decideCrossed(topic, async () => {
      await eventually('the second is published', async () => (await texts(topic)).includes('second'));
    });
    await eventually('an empty outbox', async () => (await outboxSize(database)) === 0);
    abort.abort();
    await running;
    expect(await texts(topic)).toEqual(['second', 'first']);
  });
}

/** Observations of two participants, each polled in turn, whose clocks differ by some milliseconds. */
const POLLS = [0, 1, 2, 3].map((i) => ({
  participant: i % 2 === 0 ? '11111111' : '22222222',
  responseTime: Date.UTC(2026, 0, 1) + i * 60_000 - (i % 2) * 90_000,
}));

const observationsOf = (participant: string): PolicyStateObserved[] =>
  POLLS.filter((poll) => poll.participant === participant).map((poll) => observation(poll));

function participants(): void {
  it('one producer name for all participants swallows observations', async () => {
    const topic = await ownTopic();
    const producer = await producerOf(topic, 'poller');
    const results: SendResult[] = [];
    for (const poll of POLLS)
      results.push(
        await producer.send([{ ...POLICY_STATES.encode(observation(poll)), sequenceId: poll.responseTime * ROOM }]),
      );
    expect(results.map(({ duplicates }) => duplicates)).toEqual([0, 1, 0, 1]);
    expect(await texts(topic)).toHaveLength(2);
    await producer.close();
  });

  it('one name for each participant swallows none [POLL-4]', async () => {
    const topic = await ownTopic();
    const names = [...new Set(POLLS.map(({ participant }) => participant))];
    const results = await Promise.all(
      names.map(async (participant) => {
        const producer = await producerOf(topic, producerName(participant));
        const sends = observationsOf(participant).map(async (each) =>
          producer.send([{ ...POLICY_STATES.encode(each), sequenceId: each.responseTime * ROOM }]),
        );
        const sent = await Promise.all(sends);
        await producer.close();
        return sent.every(({ duplicates }) => duplicates === 0);
      }),
    );
    expect(results).toEqual([true, true]);
    expect(await texts(topic)).toHaveLength(4);
  });
}

const MINUTE = 60_000;

/** DICT's clock runs, steps back by an hour, and runs on from there. */
const STEPPED = [0, MINUTE, 2 * MINUTE, -HOUR, MINUTE - HOUR, 2 * MINUTE - HOUR];

function clockOfDict(): void {
  const now = Date.now() - 2 * HOUR;
  const times = STEPPED.map((offset) => now + offset);

  it('ids of the response time alone swallow what comes after DICT’s clock stepped back', async () => {
    const topic = await ownTopic();
    const producer = await producerOf(topic, producerName('12345678'));
    for (const responseTime of times)
      await producer.send([
        { ...POLICY_STATES.encode(observation({ responseTime })), sequenceId: responseTime * ROOM },
      ]);
    expect(await texts(topic)).toHaveLength(3);
    await producer.close();
  });

  it('the poller stores every answer, also those from before the step [POLL-4]', async () => {
    const topic = await ownTopic();
    const abort = new AbortController();
    let asked = 0;
    let [published, steps] = [0, 0];
    const running = runPoller(
      {
        participant: '12345678',
        topic: { ...POLICY_STATES, name: topic },
        schedule: { kind: 'every', ms: 20 },
        pollWhenElected: true,
        bridge: {
          ...noReads,
          listPolicies: async () => {
            const responseTime = times[asked] ?? times.at(-1) ?? 0;
            asked += 1;
            return Promise.resolve(answerAt(responseTime, [reading({ availableTokens: asked })]));
          },
        },
        log,
        clock: systemClock,
        logger: pino({ level: 'silent' }),
        events: { onPublished: () => (published += 1), onSteppedBack: () => (steps += 1) },
      },
      abort.signal,
    );
    await eventually('every answer is published', async () => Promise.resolve(published > times.length));
    abort.abort(new Error('stopped'));
    await running;
    const stored = (await readTopicOnce(log, topic)).map(({ eventTime }) => eventTime);
    expect([...new Set(stored)]).toEqual(times);
    expect(steps).toBeGreaterThan(0);
  });
}

function forgottenProducer(): void {
  it('a poll sent again by a producer that the broker has forgotten is stored twice and counts once [FOLD-4]', async () => {
    const polls = [1000, 150, 50, 900].map((availableTokens, i) =>
      observation({ availableTokens, responseTime: Date.UTC(2026, 1, 1) + i * 60_000 }),
    );
    // Another name is to the broker what a forgotten one is: nothing is known of what it sent.
    for (const name of ['poller-12345678', 'forgotten']) {
      const producer = await producerOf(POLICY_STATES.name, name);
      const sent = await producer.send(
        polls.map((poll) => ({ ...POLICY_STATES.encode(poll), sequenceId: poll.responseTime * ROOM })),
      );
      expect(sent).toEqual({ stored: 4, duplicates: 0 });
      await producer.close();
    }
    const running = runFolds(database, log);
    await catchUp(database, log);
    await running.stop();
    const compared = await expectDatabaseEqualsOracle(database, log);
    expect(compared).toMatchObject({ observations: 8, history: 4, alerts: 2 });
    expect(await readTopicOnce(log, RATE_LIMIT_ALERTS.name)).toHaveLength(4);
  });
}
