import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEventStoreSource } from '../../src/archive/eventstore/eventStoreSource.ts';
import { eventStoreStanding, openEventStoreTarget } from '../../src/archive/eventstore/eventStoreTarget.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Metadata } from '../../src/archive/eventstore/storedEvent.ts';
import { patience, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { openEventStore } from './eventStoreServer.ts';
import { EventStoreDouble } from './eventStoreDouble.ts';
import { alertMessages, archiveTo, fill, inOrder, isOrdered, logMessages, poll, readSource, TOPICS } from './given.ts';

const START = Date.UTC(2026, 0, 2);
const STATES = POLICY_STATES.name;
const STREAM = 'balde_policy_states-12345678:P1';

async function archiveEvents(log: EventLog, url: string, batchSize = 50): Promise<void> {
  const target = openEventStoreTarget(url);
  try {
    for (const topic of TOPICS) await archiveTo(log, topic, target, { batchSize });
  } finally {
    await target.close();
  }
}

async function expectWhole(log: EventLog, url: string): Promise<void> {
  const source = openEventStoreSource(url);
  for (const topic of TOPICS) {
    const [found, expected] = [await readSource(source, topic), await logMessages(log, topic)];
    expect(isOrdered(found)).toBe(true);
    expect(inOrder(found)).toEqual(expected);
    expect(await source.count({ topic, after: new Map(), signal: patience() })).toBe(expected.length);
  }
  await source.close();
}

const doubles: EventStoreDouble[] = [];
afterAll(() => {
  for (const server of doubles) server.stop();
});

async function double(): Promise<EventStoreDouble> {
  const server = await new EventStoreDouble().start();
  doubles.push(server);
  return server;
}

describe('the archive in EventStoreDB [ARC-1]', async () => {
  const { log } = await baldeDatabase();
  // A real server where Docker is, else the double.
  const server = await openEventStore();
  beforeAll(async () => await fill(log, START, 14));
  afterAll(async () => await server.close());

  test('gives every message again, byte by byte and in order, whatever the batches were [ARC-4]', async () => {
    await archiveEvents(log, server.url, 17);
    await expectWhole(log, server.url);
    // Another archiver, which knows nothing of the first.
    await publish(log, poll(START + 100 * 86_400_000));
    await archiveEvents(log, server.url);
    await expectWhole(log, server.url);
  });

  test('gives what is after a position, and tells where it stands', async () => {
    const all = await logMessages(log, STATES);
    const standings = await eventStoreStanding(server.url, STATES);
    expect(standings.reduce((sum, { events }) => sum + events, 0)).toBe(all.length);
    const [first] = all;
    const after = new Map(standings.map(({ partition, last }) => [partition, last]));
    if (first !== undefined) after.set(first.partition, first.position);
    const source = openEventStoreSource(server.url);
    const expected = all.filter((message) => message.partition === first?.partition && message !== first);
    expect(inOrder(await readSource(source, STATES, after))).toEqual(expected);
    await source.close();
  });
});

describe('what lies in EventStoreDB', async () => {
  const { log } = await baldeDatabase();
  const server = await double();
  beforeAll(async () => {
    await fill(log, START, 4);
    await archiveEvents(log, server.url, 10);
  });

  test('a stream per topic and bucket, with the ids, types and fields of the events', () => {
    const [first] = server.stream(STREAM);
    expect(first).toMatchObject({ type: 'PolicyStateObserved', contentType: 'application/json' });
    const data = JSON.parse(Buffer.from(first?.data ?? []).toString()) as Record<string, unknown>;
    expect(data).toMatchObject({
      policy: 'P1',
      eventId: first?.id,
      responseTime: '2026-01-02T00:00:00.000Z',
    });
    const metadata = JSON.parse(Buffer.from(first?.metadata ?? []).toString()) as Metadata;
    expect(metadata).toMatchObject({ topic: STATES, key: '12345678:P1', eventTime: START });
    expect(metadata.payload).toBeUndefined();
    const [raised] = alertMessages('P1', START + 4 * 86_400_000);
    const alert = server.stream('balde_rate_limit_alerts-12345678:P1').at(0);
    expect(alert?.type).toBe('AlertRaised');
    expect(Buffer.from(alert?.data ?? [])).toEqual(raised?.payload);
    expect(alert?.id).toBe(raised?.properties['event_id']);
    expect(server.events.some(({ stream }) => stream.startsWith('balde_policy_states-undecodable-'))).toBe(true);
  });

  test('damage is named with its stream and place [ARC-5]', async () => {
    const intact = server.events;
    const damages: [RegExp, () => void][] = [
      [
        /stream balde_archive-policy-states, revision \d+: of the \d+ messages of partition \d/,
        () => (server.events = intact.filter((event) => event !== server.stream(STREAM)[0])),
      ],
      [
        /balde_archive-policy-states, revision \d+: (partition \d goes on after \d+, not after nothing|of the)/,
        () => {
          const [first] = server.stream('balde_archive-policy-states');
          server.events = intact.filter((event) => event !== first);
        },
      ],
      [
        /P1, revision \d+: the event there is not what was written/,
        () => {
          const [first] = server.stream(STREAM);
          server.events = intact.map((event) =>
            event === first ? { ...event, metadata: Buffer.from('{"position":1}') } : event,
          );
        },
      ],
      [
        /there are events, but stream balde_archive-policy-states is missing/,
        () => (server.events = intact.filter(({ stream }) => stream !== 'balde_archive-policy-states')),
      ],
      [
        /position \d+ is there twice/,
        () =>
          (server.events = intact.flatMap((event) => (event === server.stream(STREAM)[0] ? [event, event] : [event]))),
      ],
    ];
    for (const [message, damage] of damages) {
      damage();
      const source = openEventStoreSource(server.url);
      await expect(readSource(source, STATES)).rejects.toThrow(message);
      await source.close();
      server.events = intact;
    }
  });
});

describe('outages and other archivers [ARC-3]', () => {
  test('an answer that got lost: the repetition changes nothing', async () => {
    const { log } = await baldeDatabase();
    const server = await double();
    await fill(log, START, 3);
    server.loseAnswers = 5;
    await archiveEvents(log, server.url);
    expect(server.loseAnswers).toBe(0);
    await expectWhole(log, server.url);
    const total = (await logMessages(log, STATES)).length + (await logMessages(log, TOPICS[1])).length;
    expect(server.events.filter(({ stream }) => !stream.startsWith('balde_archive-'))).toHaveLength(total);
  });

  test('the server goes away in the middle, more than once, and comes back', async () => {
    const { log } = await baldeDatabase();
    const server = await double();
    await fill(log, START, 6);
    let appends = 0;
    server.onAppend = () => {
      appends += 1;
      // Not at once: Node's HTTP/2 corrupts its heap when a session is destroyed while it reads a frame.
      if (appends % 9 === 0) setImmediate(() => server.stop());
    };
    const told: string[] = [];
    const observer = {
      archived: () => undefined,
      retrying: (_who: string, error: Error) => void told.push(error.message),
    };
    const target = openEventStoreTarget(server.url);
    let isDone = false;
    const running = archiveTo(log, STATES, target, { batchSize: 20, observer }).finally(() => (isDone = true));
    await eventually('all is archived', async () => {
      if (told.length > 0) {
        told.length = 0;
        server.stop();
        await server.start();
      }
      return isDone;
    });
    await running;
    expect(appends).toBeGreaterThan(20);
    server.onAppend = () => undefined;
    await archiveTo(log, TOPICS[1], target);
    await target.close();
    await expectWhole(log, server.url);
  });

  test('another archiver was there: what it stored is passed over', async () => {
    const { log } = await baldeDatabase();
    const server = await double();
    await fill(log, START, 3);
    // Both begin; the second one overtakes the first between two of its appends.
    const others: Promise<void>[] = [];
    const slow = openEventStoreTarget(server.url);
    const messages = await logMessages(log, STATES);
    for (const partition of [0, 1, 2, 3]) expect(await slow.resume(STATES, partition)).toBeNull();
    await slow.append(STATES, messages.slice(0, 3));
    server.onAppend = () => {
      server.onAppend = () => undefined;
      others.push(archiveEvents(log, server.url, 7));
    };
    await slow.append(STATES, messages.slice(0, 6));
    expect(others).toHaveLength(1);
    await Promise.all(others);
    await slow.append(STATES, messages.slice(6));
    expect(server.counts.conflicts + server.counts.repeated).toBeGreaterThan(0);
    await slow.close();
    await expectWhole(log, server.url);
  });

  test('a server restored to an earlier state is told while running, and made up for by the next start [ARC-2]', async () => {
    const { log } = await baldeDatabase();
    const server = await double();
    await fill(log, START, 3);
    const target = openEventStoreTarget(server.url);
    const messages = await logMessages(log, STATES);
    for (const partition of [0, 1, 2, 3]) await target.resume(STATES, partition);
    await target.append(STATES, messages.slice(0, 12));
    const backup = [...server.events];
    await target.append(STATES, messages.slice(12, 24));
    server.events = [...backup];
    await expect(target.append(STATES, messages.slice(24))).rejects.toThrow(/was restored to an earlier state/);
    await target.close();
    server.events = backup.slice(0, -1);
    await archiveEvents(log, server.url);
    await expectWhole(log, server.url);
  });
});
