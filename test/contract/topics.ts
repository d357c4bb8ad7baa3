import { describe, expect, it } from 'vitest';
import { LogError } from '../../src/log/eventLog.ts';
import { byPartition, fresh, keys, messages, newTopic, readAll, shared } from '../support/topics.ts';
import type { Suite } from './given.ts';

const bytes = { kind: 'bytes', definition: '' } as const;

export function topicCases({ features, opened }: Suite): void {
  describe('a topic', () => {
    it('is created once, whoever asks and how often', async () => {
      const { log, secondProcess } = opened();
      const other = await secondProcess();
      const name = await newTopic(log, 3);
      await Promise.all([log, other, log].map(async (l) => l.ensureTopic({ name, partitions: 3, schema: bytes })));
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

    it('keeps the partitions it has: more than asked for', async () => {
      const { log } = opened();
      const name = await newTopic(log, 3);
      await log.ensureTopic({ name, partitions: 2, schema: bytes });
      expect(await log.partitions(name)).toBe(3);
    });

    it('that nobody made is an error with a name', async () => {
      const { log } = opened();
      await expect(log.ends('no-such-topic')).rejects.toThrow(LogError);
      await expect(log.consumer('no-such-topic', fresh())).rejects.toThrow(LogError);
      await expect(shared(log, 'no-such-topic')).rejects.toThrow(LogError);
    });

    it('tells how many messages lie behind a position', async () => {
      const { log } = opened();
      const topic = await newTopic(log, 3);
      expect(await log.behind(topic, new Map([[0, null]]))).toEqual(new Map([[0, 0]]));
      await (await shared(log, topic)).send(messages(keys(20), 0, 50));
      for (const [partition, own] of byPartition(await readAll(log, topic))) {
        const at = async (position: string | null) =>
          (await log.behind(topic, new Map([[partition, position]]))).get(partition);
        expect(await at(null)).toBe(own.length);
        expect(await at(own[0]?.position ?? '')).toBe(own.length - 1);
        expect(await at(own.at(-1)?.position ?? '')).toBe(0);
      }
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

  describe.runIf(features.trimsAtOnce)('a topic that is trimmed [RET-6]', () => {
    it('forgets its oldest messages, as far as is said and no younger ones, and keeps its newest', async () => {
      const { log } = opened();
      const topic = await newTopic(log, 1);
      await (await shared(log, topic)).send(messages(keys(1), 0, 10));
      const all = await readAll(log, topic);
      const ends = await log.ends(topic);
      const trim = async (before: number, upTo: number): Promise<string[]> => {
        const at = all[before]?.eventTime ?? Infinity;
        await log.trim(topic, Math.min(at, Date.UTC(2100, 0, 1)), new Map([[0, all[upTo]?.position ?? '']]));
        return (await readAll(log, topic)).map(({ payload }) => payload.toString().slice('key-0/'.length));
      };
      expect(await trim(3, 9)).toEqual(['3', '4', '5', '6', '7', '8', '9']);
      expect(await trim(9, 4)).toEqual(['5', '6', '7', '8', '9']);
      expect(await trim(10, 9)).toEqual(['9']);
      expect(await log.ends(topic)).toEqual(ends);
      expect(await log.trim(topic, Date.UTC(2100, 0, 1), new Map())).toBe(0);
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
