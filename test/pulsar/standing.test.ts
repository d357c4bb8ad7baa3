/** Processes that stand by, and topics that an administrator has ended. */
import { randomUUID } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { LogError, LogUnavailableError } from '../../src/log/eventLog.ts';
import type { Consumer, LogMessage } from '../../src/log/eventLog.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { plainCluster } from '../../src/log/pulsar/settings.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { Checkpoints, messages, never, newTopic, patience, readAll, texts } from '../support/topics.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => await Promise.all(closing.map(async (close) => close())));

const settings = (): PulsarSettings => {
  const { url, adminUrl } = pulsarBroker();
  return plainCluster({ serviceUrl: url, adminUrl }, `standing-${randomUUID().slice(0, 8)}`);
};

function open(at: PulsarSettings, lines: string[] = []): PulsarLog {
  const log = new PulsarLog(at, { log: (level, line) => lines.push(`${level} ${line}`) });
  closing.push(async () => log.close());
  return log;
}

describePulsar('a process that stands by [LOG-5, PUL-4]', () => {
  it('says so once, lets the client report nothing, and takes over', async () => {
    const at = settings();
    const first = open(at);
    const topic = await newTopic(first, 2);
    const active = await first.producer(topic, { name: 'p', access: 'waitForExclusive', signal: never });
    const lines: string[] = [];
    const second = open(at, lines);
    let told = 0;
    const onStandby = (): void => void (told += 1);
    const taking = second.producer(topic, {
      name: 'p',
      access: 'waitForExclusive',
      onStandby,
      signal: patience(),
    });
    await eventually('it stands by', async () => Promise.resolve(told > 0));
    expect(lines.filter((line) => /^(warn|error)/.test(line))).toEqual([]);
    await active.close();
    const producer = await taking;
    expect(await producer.send(messages(['k'], 0, 1))).toEqual({ stored: 1, duplicates: 0 });
    expect(told).toBe(1);
  });
});

async function terminate({ adminUrl, tenant, namespace }: PulsarSettings, topic: string): Promise<void> {
  const url = `${adminUrl}/admin/v2/persistent/${tenant}/${namespace}/${topic}-partition-0/terminate`;
  expect((await fetch(url, { method: 'POST' })).status).toBe(200);
}

/** What is read until the reader ends. */
async function readOut(consumer: Consumer): Promise<{ found: LogMessage[]; end: unknown }> {
  const found: LogMessage[] = [];
  const signal = patience();
  for (;;) {
    try {
      found.push(...(await consumer.receive({ max: 10, waitMs: 1_000, signal })));
    } catch (end) {
      return { found, end };
    }
  }
}

describePulsar('a topic that was terminated [PUL-2]', () => {
  // Readers look after 10 s without messages: all of them at once.
  it.concurrent.each([
    ['with messages', 3],
    ['empty', 0],
  ])('%s, is read out, and then ends its readers with what to do', async (_, n) => {
    const at = settings();
    const log = open(at);
    const topic = await newTopic(log, 1);
    const producer = await log.producer(topic, { name: 'p', access: 'exclusive', signal: never });
    await producer.send(messages(['k'], 0, n));
    await terminate(at, topic);
    expect(texts(await readAll(log, topic))).toEqual(messages(['k'], 0, n).map(({ payload }) => String(payload)));
    const readers = [new Checkpoints().subscription(), { subscription: null }];
    const ended = readers.map(async (options) => {
      const consumer = await log.consumer(topic, options);
      const { found, end } = await readOut(consumer);
      expect(found).toHaveLength(n);
      expect(end).toBeInstanceOf(LogError);
      expect(end).not.toBeInstanceOf(LogUnavailableError);
      expect(String(end)).toMatch(/terminated by an administrator.*balde migrate/);
      await consumer.close();
    });
    await Promise.all(ended);
  });

  it('refuses a producer that is open, and one that is opened, with the same', async () => {
    const at = settings();
    const log = open(at);
    const topic = await newTopic(log, 1);
    const producer = await log.producer(topic, { name: 'p', access: 'exclusive', signal: never });
    await producer.send(messages(['k'], 0, 1));
    await terminate(at, topic);
    for (const work of [
      async () => producer.send(messages(['k'], 1, 1)),
      async () => producer.send(messages(['k'], 1, 1)),
      async () => log.producer(topic, { name: 'q', access: 'waitForExclusive', signal: patience() }),
    ]) {
      const refusal: unknown = await work().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(LogError);
      expect(refusal).not.toBeInstanceOf(LogUnavailableError);
      expect(String(refusal)).toMatch(/terminated by an administrator/);
    }
  });
});
