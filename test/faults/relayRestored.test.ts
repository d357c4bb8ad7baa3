/**
 * What a relay meets after a crash: a database that forgot its last transactions, and a send that was stored in part.
 */
import { expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { relay } from '../../src/consume/relay.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { recorder } from '../support/processors.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { putIntoOutbox } from '../support/outbox.ts';

const TOPIC = RATE_LIMIT_ALERTS.name;

/** Decides the events of these keys, in this order. */
async function decide(database: Database, keys: readonly string[]): Promise<void> {
  const messages = keys.map((key) => ({
    topic: TOPIC,
    key,
    properties: { event_id: `event of ${key}` },
    eventTime: 1_000,
    payload: Buffer.from(key),
  }));
  await database.transaction(async (tx) => putIntoOutbox(tx, messages));
}

it('what is decided again, and more of it, in another order: each event once on the topic [OUT-2]', async () => {
  const { database, log } = await baldeDatabase();
  const abort = new AbortController();
  const running = relay({ database, log, topic: TOPIC, observer: recorder() }, abort.signal);
  const emptied = async (): Promise<void> => {
    await eventually('an empty outbox', async () => (await outboxSize(database)) === 0);
  };
  const keys = Array.from({ length: 24 }, (_, i) => `key-${i}`);
  await decide(database, keys.slice(0, 4));
  await emptied();
  const [{ last } = { last: 0 }] = await database.query<{ last: number }>(
    'select last_sequence_id as last from balde.outbox_sequence where topic = $1',
    [TOPIC],
  );
  const watermark = await database.query<{ partition: number; position: string }>(
    'select partition, position from balde.outbox_watermark where topic = $1',
    [TOPIC],
  );
  await decide(database, keys.slice(4, 12));
  await emptied();

  // As it was before the second decision; the reactors decide again at once, other partitions first, and go further.
  await database.transaction(async (tx) => {
    await tx.execute('update balde.outbox_sequence set last_sequence_id = $2 where topic = $1', [TOPIC, last]);
    await tx.execute('delete from balde.outbox_watermark where topic = $1', [TOPIC]);
    for (const { partition, position } of watermark)
      await tx.execute('insert into balde.outbox_watermark values ($1, $2, $3)', [TOPIC, partition, position]);
    const again = [...keys.slice(4)].reverse().map((key) => ({
      topic: TOPIC,
      key,
      properties: { event_id: `event of ${key}` },
      eventTime: 1_000,
      payload: Buffer.from(key),
    }));
    await putIntoOutbox(tx, again);
  });
  await emptied();
  abort.abort();
  await running;
  const found = (await readTopicOnce(log, TOPIC)).map(({ payload }) => payload.toString());
  expect(found.sort()).toEqual([...keys].sort());
});

it('what was stored of one partition only: the others follow in the order they were decided in [OUT-2]', async () => {
  const { database, log } = await baldeDatabase();
  const [own, other] = ['key-0', 'key-1'] as const;
  const decided = [`${own} 1`, `${other} 1`, `${own} 2`];
  await database.transaction(async (tx) =>
    putIntoOutbox(
      tx,
      decided.map((text) => ({
        topic: TOPIC,
        key: text.slice(0, -2),
        properties: { event_id: text },
        eventTime: 1_000,
        payload: Buffer.from(text),
      })),
    ),
  );
  // The relay before numbered all of them, and died when only the partition of the second had stored its part.
  await database.execute(
    `insert into balde.outbox_sequence values ($1, 3) on conflict (topic) do update set last_sequence_id = 3`,
    [TOPIC],
  );
  await database.execute(
    `update balde.outbox o set sequence_id = n.n
     from (select id, row_number() over (order by id) as n from balde.outbox) n where n.id = o.id`,
  );
  const { signal } = new AbortController();
  const before = await log.producer(TOPIC, { name: `relay-${TOPIC}`, access: 'exclusive', signal });
  await before.send([
    {
      key: other,
      payload: Buffer.from(`${other} 1`),
      properties: { event_id: `${other} 1` },
      eventTime: 1_000,
      sequenceId: 2,
    },
  ]);
  await before.close();

  const abort = new AbortController();
  const running = relay({ database, log, topic: TOPIC, observer: recorder() }, abort.signal);
  await eventually('an empty outbox', async () => (await outboxSize(database)) === 0);
  abort.abort();
  await running;
  const found = (await readTopicOnce(log, TOPIC)).map(({ payload }) => payload.toString());
  expect(found.filter((text) => text.startsWith(`${own} `))).toEqual([`${own} 1`, `${own} 2`]);
  expect(found).toHaveLength(3);
});
