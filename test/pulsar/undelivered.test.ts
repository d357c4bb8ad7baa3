/**
 * Entries that the broker keeps among the messages and gives to nobody: those of transactions, on a real
 * broker.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBack } from '../../src/consume/readBack.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { plainCluster, topicUrl } from '../../src/log/pulsar/settings.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { Checkpoints, messages, never, newTopic, patience, readAll, take, texts } from '../support/topics.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar } from '../support/pulsarSuites.ts';
import { startTransactionBroker } from '../support/transactions.ts';
import type { TransactionBroker } from '../support/transactions.ts';

let broker: TransactionBroker;
let settings: PulsarSettings;
let log: PulsarLog;

/** What is in the partition, in order: so many messages of Balde's, or of others in transactions. */
type Part = readonly ['own' | 'commit' | 'abort', number];

const CASES: readonly (readonly [string, readonly Part[]])[] = [
  [
    'the marker of a transaction at the end',
    [
      ['own', 3],
      ['commit', 1],
    ],
  ],
  [
    'messages that were aborted at the end',
    [
      ['own', 3],
      ['abort', 2],
    ],
  ],
  [
    'more of them than are looked at together',
    [
      ['own', 2],
      ['abort', 20],
    ],
  ],
  [
    'markers and aborted messages among the others',
    [
      ['own', 1],
      ['abort', 1],
      ['own', 1],
      ['commit', 1],
      ['own', 1],
    ],
  ],
  [
    'aborted messages at the start',
    [
      ['abort', 2],
      ['own', 3],
    ],
  ],
  ['nothing that anybody is given', [['abort', 2]]],
];

const EXPECTED = (parts: readonly Part[]): string[] => {
  let own = 0;
  return parts.flatMap(([what, n]) => {
    if (what === 'abort') return [];
    return Array.from({ length: n }, (_, i) => (what === 'own' ? `k/${own++}` : `commit/${i}`));
  });
};

async function filled(parts: readonly Part[]): Promise<string> {
  const topic = await newTopic(log, 1);
  const producer = await log.producer(topic, { name: 'p', access: 'exclusive', signal: never });
  let sent = 0;
  for (const [what, n] of parts) {
    if (what !== 'own') await broker.transact(`${topicUrl(settings, topic)}-partition-0`, what, n);
    else await producer.send(messages(['k'], (sent += n) - n, n));
  }
  await producer.close();
  return topic;
}

describePulsar('entries that nobody is given', () => {
  beforeAll(async () => {
    broker = await startTransactionBroker();
    const { url, adminUrl } = broker;
    settings = plainCluster({ serviceUrl: url, adminUrl }, `undelivered-${randomUUID().slice(0, 8)}`);
    log = new PulsarLog(settings);
    // The first transaction makes the broker's own topics.
    await filled([['commit', 1]]);
  }, 180_000);

  afterAll(async () => {
    await log.close();
    await broker.close();
  });

  it.each(CASES)(
    '%s: an end is one that a reader reaches, lag counts messages, a producer finds its own [LOG-10, LOG-2, OPS-5]',
    async (_, parts) => {
      const topic = await filled(parts);
      const expected = EXPECTED(parts);
      const all = await readAll(log, topic);
      expect(texts(all)).toEqual(expected);
      expect(await log.ends(topic)).toEqual([{ partition: 0, last: all.at(-1)?.position ?? null }]);
      for (const [i, { position }] of [{ position: null }, ...all].entries())
        expect(await log.behind(topic, new Map([[0, position]]))).toEqual(new Map([[0, expected.length - i]]));
      expect([...(await readBack(log, topic, new Map(), patience())).ends.values()]).toEqual(
        all.slice(-1).map(({ position }) => position),
      );
      const producer = await log.producer(topic, { name: 'p', access: 'exclusive', signal: patience() });
      const own = expected.filter((text) => text.startsWith('k/'));
      expect(producer.lastSequenceId).toBe(own.length - 1);
      await producer.close();
    },
  );

  it('are passed over by a subscription, from whatever checkpoint, also when a batch is given again [LOG-10, LOG-6]', async () => {
    const topic = await filled([
      ['abort', 1],
      ['own', 2],
      ['commit', 1],
      ['abort', 2],
      ['own', 2],
      ['abort', 1],
    ]);
    const checkpoints = new Checkpoints();
    const first = await log.consumer(topic, checkpoints.subscription());
    const all = await take(first, 5);
    expect(texts(all)).toEqual(['k/0', 'k/1', 'commit/0', 'k/2', 'k/3']);
    await first.seek(0, all[1]?.position ?? null);
    expect(texts(await take(first, 3))).toEqual(texts(all.slice(2)));
    await checkpoints.commit(first, all);
    await first.close();
    for (const [i, at] of [null, ...all.slice(0, -1)].entries()) {
      if (at === null) checkpoints.at.clear();
      else checkpoints.at.set(0, at.position);
      const next = await log.consumer(topic, checkpoints.subscription());
      expect(texts(await take(next, 5 - i))).toEqual(texts(all.slice(i)));
      await next.close();
    }
  });

  it('hold nobody up while a transaction is open: what lies behind it comes when it is over [LOG-10]', async () => {
    const topic = await filled([['own', 2]]);
    const url = `${topicUrl(settings, topic)}-partition-0`;
    await broker.transact(url, 'begin');
    const producer = await log.producer(topic, { name: 'p', access: 'exclusive', signal: patience() });
    await producer.send(messages(['k'], 2, 2));
    const before = await readAll(log, topic);
    expect(texts(before)).toEqual(['k/0', 'k/1']);
    const checkpoints = new Checkpoints();
    const consumer = await log.consumer(topic, checkpoints.subscription());
    const found: LogMessage[] = await take(consumer, 2);
    await broker.transact(url, 'end');
    found.push(...(await take(consumer, 3)));
    expect(texts(found)).toEqual(['k/0', 'k/1', 'begin/0', 'k/2', 'k/3']);
    await eventually(
      'the end is what was held up',
      async () => (await log.ends(topic))[0]?.last === found[4]?.position,
    );
    await consumer.close();
    await producer.close();
  });
});
