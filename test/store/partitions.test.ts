import { describe, expect, it } from 'vitest';
import { addMonths } from '../../src/domain/months.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { createPartition, dropPartition, partitionMonths, readHorizon } from '../../src/store/partitions.ts';
import { baldeDatabase } from '../support/database.ts';

const HISTORY = { schema: 'states_v1', table: 'history' };
const { url, database } = await baldeDatabase();
const saoPaulo = await baldeDatabase({ timezone: 'America/Sao_Paulo' });

const create = async (on: Database, month: number) =>
  await on.transaction(async (tx) => createPartition(tx, HISTORY, month));
const drop = async (on: Database, month: number) =>
  await on.transaction(async (tx) => dropPartition(tx, HISTORY, month));

/** Bounds as instants, whatever time zone they are shown in. */
async function bounds(on: Database): Promise<[string, string][]> {
  const rows = await on.query<{ bound: string }>(
    `select pg_get_expr(c.relpartbound, c.oid) as bound from pg_class c
     join pg_inherits i on i.inhrelid = c.oid where i.inhparent = 'states_v1.history'::regclass order by c.relname`,
  );
  return rows.map(({ bound }) => {
    const [from = '', to = ''] = [...bound.matchAll(/'([^']+)'/g)].map(([, text]) => text ?? '');
    return [iso(from), iso(to)];
  });
}

const iso = (text: string): string => new Date(text.replace(/([+-]\d\d)$/, '$1:00').replace(' ', 'T')).toISOString();

async function insert(on: Database, at: string): Promise<string> {
  const [row] = await on.query<{ partition: string }>(
    `insert into states_v1.history (participant, endpoint_id, response_time, event_id, available_tokens, capacity,
       refill_tokens, refill_period_sec, utilization_percent, observed_at, poll_id)
     values ('12345678', $1::text, $1::text::timestamptz, gen_random_uuid(), 1, 1, 1, 1, 0, $1::text::timestamptz, gen_random_uuid())
     returning tableoid::regclass::text as partition`,
    [at],
  );
  return row?.partition ?? '';
}

describe.each([
  ['a session in UTC', database, {}],
  ['a session in America/Sao_Paulo', database, { timezone: 'America/Sao_Paulo' }],
  ['a session with daylight saving time', database, { timezone: 'America/New_York' }],
  ['a database whose time zone is not UTC', saoPaulo.database, {}],
])('a month seen from %s', (_, target, settings) => {
  it('is a month of UTC, over leap days and changes of the clock', async () => {
    const base = target === database ? url : saoPaulo.url;
    const session = openDatabase({ url: base, settings });
    // Sao Paulo changed its clocks in February and November until 2019, New York does in March and November.
    const months = [Date.UTC(2018, 1), Date.UTC(2018, 10), Date.UTC(2024, 1), Date.UTC(2026, 2), Date.UTC(2025, 11)];
    try {
      for (const month of months) expect(await create(session, month)).toBe(true);
      expect(await bounds(session)).toEqual(
        [...months]
          .sort((a, b) => a - b)
          .map((m) => [new Date(m).toISOString(), new Date(addMonths(m, 1)).toISOString()]),
      );
      expect(await insert(session, '2024-02-29T23:59:59.999Z')).toBe('states_v1.history_2024_02');
      expect(await insert(session, '2018-02-01T00:00:00.000Z')).toBe('states_v1.history_2018_02');
      expect(await insert(session, '2018-02-28T23:59:59.999Z')).toBe('states_v1.history_2018_02');
      await expect(insert(session, '2018-03-01T00:00:00.000Z')).rejects.toThrow(/no partition/);
      await expect(insert(session, '2018-01-31T23:59:59.999Z')).rejects.toThrow(/no partition/);
      expect(await partitionMonths(session, HISTORY)).toEqual([...months].sort((a, b) => a - b));
    } finally {
      for (const month of months) await drop(session, month);
      await session.close();
    }
  });
});

describe('partitions [RET-5]', () => {
  it('are made once by many that race, each month', async () => {
    const months = Array.from({ length: 4 }, (_, i) => addMonths(Date.UTC(2030, 0), i));
    const made = await Promise.all([...months, ...months, ...months].map(async (month) => create(database, month)));
    expect(made.filter(Boolean)).toHaveLength(4);
    expect(await partitionMonths(database, HISTORY)).toEqual(months);
    const dropped = await Promise.all([...months, ...months].map(async (month) => drop(database, month)));
    expect(dropped.filter(Boolean)).toHaveLength(4);
  });

  it('can be made while another month is written and read', async () => {
    await create(database, Date.UTC(2031, 0));
    await database.transaction(async () => {
      await insert(database, '2031-01-15T00:00:00Z');
      expect(await create(database, Date.UTC(2031, 1))).toBe(true);
    });
    await drop(database, Date.UTC(2031, 0));
    await drop(database, Date.UTC(2031, 1));
  });

  it('that were dropped do not come back: nothing is made before the horizon', async () => {
    expect(await readHorizon(database)).toBeNull();
    const horizon = Date.UTC(2032, 5);
    await database.execute(`update balde.retention set horizon = $1`, [new Date(horizon).toISOString()]);
    expect(await readHorizon(database)).toBe(horizon);
    expect(await create(database, addMonths(horizon, -1))).toBe(false);
    expect(await create(database, horizon)).toBe(true);
    expect(await partitionMonths(database, HISTORY)).toEqual([horizon]);
    await drop(database, horizon);
    await database.execute(`update balde.retention set horizon = '-infinity'`);
  });

  it('that are not there can be dropped, to no effect', async () => {
    expect(await drop(database, Date.UTC(2001, 0))).toBe(false);
  });
});
