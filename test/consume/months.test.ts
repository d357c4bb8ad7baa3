import { describe, expect, it } from 'vitest';
import { addMonths, monthOf } from '../../src/domain/months.ts';
import { dropPartition, partitionMonths } from '../../src/store/partitions.ts';
import { baldeDatabase } from '../support/database.ts';
import { gate } from '../support/gates.ts';
import { observed } from '../support/observations.ts';
import { deadLetters, everything, history, recorder, states, takeAll } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';

const HISTORY = { schema: 'states_v1', table: 'history' };
const at = (iso: string) => ({ responseTime: Date.parse(iso), observedAt: Date.parse(iso) + 40 });

async function given(settings: Readonly<Record<string, string>> = {}) {
  const base = await baldeDatabase(settings);
  const observer = recorder();
  return {
    ...base,
    observer,
    months: async () => await partitionMonths(base.database, HISTORY),
    moveHorizon: async (to: number) =>
      await base.database.execute('update balde.retention set horizon = $1', [new Date(to).toISOString()]),
  };
}

describe('a month that has no partition [RET-5, VIEW-2]', () => {
  it.each([{}, { timezone: 'America/Sao_Paulo' }])(
    'is made by the writer, in UTC (database with %o)',
    async (settings) => {
      const { database, log, months } = await given(settings);
      await publish(log, [
        observed('A', 0, 50, at('2024-02-29T23:59:59.999Z')),
        observed('A', 0, 40, at('2024-03-01T00:00:00.000Z')),
        observed('B', 0, 40, at('2023-10-15T02:30:00.000Z')),
      ]);
      const processor = states(database);
      await takeAll(processor);
      expect(await processor.process(await policyStates(log))).toBe('committed');
      expect(await months()).toEqual([Date.UTC(2023, 9), Date.UTC(2024, 1), Date.UTC(2024, 2)]);
      const rows = await database.query(
        `select tableoid::regclass::text as partition, response_time as at from states_v1.history order by response_time`,
      );
      expect(rows).toEqual([
        { partition: 'states_v1.history_2023_10', at: Date.UTC(2023, 9, 15, 2, 30) },
        { partition: 'states_v1.history_2024_02', at: Date.UTC(2024, 1, 29, 23, 59, 59, 999) },
        { partition: 'states_v1.history_2024_03', at: Date.UTC(2024, 2, 1) },
      ]);
    },
  );

  it('because someone dropped it behind the writer is made again', async () => {
    const { database, log, observer, months } = await given();
    const processor = states(database, { observer });
    await takeAll(processor);
    await publish(log, [observed('A', 0, 50)]);
    await processor.process(await policyStates(log));
    const [month = 0] = await months();
    await database.transaction(async (tx) => dropPartition(tx, HISTORY, month));
    await publish(log, [observed('A', 5, 40)]);
    const messages = await policyStates(log);
    expect(await processor.process(messages)).toBe('conflict');
    await processor.reload();
    expect(await processor.process(messages)).toBe('committed');
    expect(await history(database)).toEqual([['A', 5, 40]]);
    expect(await deadLetters(database)).toEqual([]);
  });
});

describe('an event older than the retention horizon [RET-4]', () => {
  it('is left out of the history and counted, and brings no month back', async () => {
    const { database, log, observer, months, moveHorizon } = await given();
    const events = [
      observed('A', 0, 50, at('2025-01-31T23:59:59.999Z')),
      observed('A', 0, 40, at('2025-02-01T00:00:00Z')),
    ];
    await publish(log, [...events, observed('B', 0, 40, at('2024-06-01T00:00:00Z'))]);
    await moveHorizon(Date.UTC(2025, 1));
    const processor = states(database, { observer });
    await takeAll(processor);
    expect(await processor.process(await policyStates(log))).toBe('committed');
    expect(await months()).toEqual([Date.UTC(2025, 1)]);
    expect((await history(database)).map(([policy]) => policy)).toEqual(['A']);
    expect(observer.sum('expired', 2)).toBe(2);
    expect(await deadLetters(database)).toEqual([]);
    // The buckets are known all the same.
    expect((await everything(database))['latest']).toHaveLength(2);
  });

  it('that fell behind the horizon while its batch was under way is left out too', async () => {
    const { database, log, observer, months, moveHorizon } = await given();
    const old = observed('A', 0, 50);
    const month = monthOf(old.responseTime);
    await publish(log, [old, observed('A', 0, 40, at('2026-06-01T00:00:00Z'))]);
    const paused = gate();
    let first = true;
    const processor = states(database, {
      observer,
      effects: (real) => ({
        ...real,
        prepare: async (out) => {
          await real.prepare(out);
          if (first) await paused.pass();
          first = false;
        },
      }),
    });
    await takeAll(processor);
    const messages = await policyStates(log);
    const processing = processor.process(messages);
    await paused.reached;
    await moveHorizon(addMonths(month, 1));
    await database.transaction(async (tx) => dropPartition(tx, HISTORY, month));
    paused.open();
    expect(await processing).toBe('committed');
    expect(observer.sum('expired', 2)).toBe(1);
    expect(await months()).toEqual([Date.UTC(2026, 5)]);
  });
});
