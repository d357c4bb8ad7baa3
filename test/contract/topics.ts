import { describe, expect, it } from 'vitest';
import { LogError } from '../../src/log/eventLog.ts';
import { byPartition, keys, messages, newTopic, readAll, shared } from './given.ts';
import type { Suite } from './given.ts';

const bytes = { kind: 'bytes', definition: '' } as const;

export function topicCases({ opened }: Suite): void {
  describe('a topic', () => {
    it('is created once, whoever asks and how often', async () => {
      const { log, secondProcess } = opened();
      const other = await secondProcess();
      const name = await newTopic(log, 3);
      await Promise.all(
        [log, other, log].map(async (l) => l.ensureTopic({ name, partitions: 3, schema: bytes })),
      );
      expect([await log.partitions(name), await other.partitions(name)]).toEqual([3, 3]);
    });

    it('may be created by several processes at the same moment', async () => {
      const { log, secondProcess } = opened();
      const other = await secondProcess();
      const spec = { name: `${await newTopic(log)}-raced`, partitions: 2, schema: bytes };
      await Promise.all([log, other, log, other].map(async (l) => l.ensureTopic(spec)));
      expect(await other.partitions(spec.name)).toBe(2);
      expect(await log.ends(spec.name)).toHaveLength(2);
    });

    it('refuses another number of partitions', async () => {
      const { log } = opened();
      const name = await newTopic(log, 3);
      await expect(log.ensureTopic({ name, partitions: 4, schema: bytes })).rejects.toThrow(LogError);
      expect(await log.partitions(name)).toBe(3);
    });

    it('ends nowhere while it is empty, and at its newest messages afterwards', async () => {
      const { log } = opened();
      const topic = await newTopic(log, 3);
      expect(await log.ends(topic)).toEqual([0, 1, 2].map((partition) => ({ partition, last: null })));
      await (await shared(log, topic)).send(messages(keys(20), 0, 50));
      const found = byPartition(await readAll(log, topic));
      for (const { partition, last } of await log.ends(topic)) {
        expect(last).toBe(found.get(partition)?.at(-1)?.position ?? null);
      }
    });
  });

  describe('a key [LOG-1]', () => {
    it('belongs to one partition, whichever producer and process sends it', async () => {
      const { log, secondProcess } = opened();
      const topic = await newTopic(log);
      const names = [...keys(40), 'ção:ß', '12345678:KEYS_CHECK'];
      const first = await shared(log, topic);
      await first.send(messages(names, 0, names.length));
      await first.close();
      await (await shared(log, topic)).send(messages(names, 100, names.length));
      await (await shared(await secondProcess(), topic, 'other')).send(messages(names, 0, names.length));
      const places = new Map<string, Set<number>>();
      for (const { key, partition } of await readAll(log, topic)) {
        places.set(key, (places.get(key) ?? new Set<number>()).add(partition));
      }
      expect([...places.keys()].sort()).toEqual([...names].sort());
      expect([...places.values()].filter((partitions) => partitions.size !== 1)).toEqual([]);
      expect(new Set([...places.values()].flatMap((partitions) => [...partitions])).size).toBe(4);
    });
  });
}
