/** How the embedded log tells how much lies after a position. */
import { describe, expect, it } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { messagesBehind } from '../../src/log/embedded/behind.ts';
import { EmbeddedTopics } from '../../src/log/embedded/topics.ts';
import { migrate } from '../../src/store/migrate.ts';
import { byPartition, keys, messages, newTopic, readAll, shared } from '../support/topics.ts';
import { emptyDatabase } from '../support/database.ts';

describe('what is behind a position [LOG-2]', () => {
  it('is counted exactly: from the start, in the middle, at the end, in an empty partition, after a trim', async () => {
    const { url, database } = await emptyDatabase();
    await migrate(url);
    const log = new EmbeddedLog(database);
    const name = await newTopic(log, 8);
    await (await shared(log, name)).send(messages(keys(5), 0, 100));
    const topic = await new EmbeddedTopics(database).get(name);
    const groups = byPartition(await readAll(log, name));
    expect(groups.size).toBeLessThan(8);
    const behind = async (positionOf: (partition: number) => string | null) =>
      await messagesBehind(
        database,
        topic,
        new Map(Array.from({ length: 8 }, (_, partition) => [partition, positionOf(partition)])),
      );
    const expected = (count: (n: number) => number): Map<number, number> =>
      new Map(Array.from({ length: 8 }, (_, p) => [p, count(groups.get(p)?.length ?? 0)]));

    expect(await behind(() => null)).toEqual(expected((n) => n));
    expect(await behind((p) => groups.get(p)?.[2]?.position ?? null)).toEqual(expected((n) => Math.max(n - 3, 0)));
    expect(await behind((p) => groups.get(p)?.at(-1)?.position ?? null)).toEqual(expected(() => 0));
    expect(await messagesBehind(database, topic, new Map())).toEqual(new Map());

    const upTo = new Map([...groups].map(([p, own]) => [p, own[4]?.position ?? '']));
    await log.trim(name, Date.UTC(2100, 0, 1), upTo);
    expect(await behind(() => null)).toEqual(expected((n) => Math.max(n - 5, 0)));
    expect(await behind((p) => groups.get(p)?.[2]?.position ?? null)).toEqual(expected((n) => Math.max(n - 5, 0)));
    await log.close();
  });
});
