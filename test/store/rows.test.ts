import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import type { RowChange, TableSpec } from '../../src/domain/fold.ts';
import { isRefusedData } from '../../src/store/errors.ts';
import { writeRows } from '../../src/store/rows.ts';
import { baldeDatabase } from '../support/database.ts';

const { database } = await baldeDatabase();
await database.execute(`create schema rows_test`);
await database.execute(
  `create table rows_test."odd ""name" (id text primary key, n double precision, big bigint, yes boolean, at timestamptz, doc jsonb, note text)`,
);

const SPEC: TableSpec = {
  table: 'odd "name',
  columns: {
    id: 'text',
    n: 'double precision',
    big: 'bigint',
    yes: 'boolean',
    at: 'timestamptz',
    doc: 'jsonb',
    note: 'text',
  },
  key: ['id'],
  bucket: { participant: 'id', policy: 'note' },
};

type Row = RowChange['row'];

async function write(changes: readonly (readonly [RowChange['how'], Row])[]): Promise<void> {
  await database.transaction(async (tx) =>
    writeRows(
      tx,
      'rows_test',
      { odd: SPEC },
      changes.map(([how, row]) => ({ table: 'odd', how, row })),
    ),
  );
}

const read = async () => await database.query(`select * from rows_test."odd ""name" order by id collate "C"`);
const clear = async () => await database.execute(`truncate rows_test."odd ""name"`);
const row = (id: string, note: string): Row => [id, 1.5, 2, true, 3, '{}', note];

/**
 * Anything that Postgres can hold: no NUL, no half of a surrogate pair. With a taste for what COPY treats specially.
 */
const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('\\', '\t', '\n', '\r', 'N', '.', '"', "'", ',', '{', '}', '\b', '\v', 'é', '🪣'),
    }),
    fc.constantFrom('\\N', '\\.', 'NULL', '', ' ', '\\\\N', '\r\n', '\u2028', '\ufeff'),
  )
  .map((s) => s.replace(/\0|\p{Surrogate}/gu, ''));

const value = fc.record({
  note: fc.option(text),
  // JavaScript writes its negative zero as 0.
  n: fc.double({ noNaN: true }).map((n) => n + 0),
  big: fc.maxSafeInteger(),
  yes: fc.boolean(),
  at: fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(9999, 0, 1) }),
  doc: fc.dictionary(text, text).map((entries) => JSON.stringify(entries)),
});

describe('rows of any values', () => {
  it.each(['append', 'insertIfAbsent', 'upsert'] as const)('written by %s come back unchanged', async (how) => {
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 30 }), async (values) => {
        await clear();
        const ids = values.map((_, i) => `id-${String(i).padStart(3, '0')}`);
        await write(values.map((v, i) => [how, [ids[i] ?? '', v.n, v.big, v.yes, v.at, v.doc, v.note]]));
        expect((await read()).map((found) => ({ ...found, id: null }))).toEqual(
          values.map((v) => ({ ...v, id: null, doc: JSON.parse(v.doc) as unknown })),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('come in chunks of many', async () => {
    await clear();
    await write(
      Array.from({ length: 5_000 }, (_, i) => ['append', row(`id-${i}`, 'tab\tline\nback\\slash'.repeat(5))]),
    );
    expect(await read()).toHaveLength(5_000);
  });

  it('are all refused when one is, and the database says so', async () => {
    await clear();
    const failing = write([
      ['append', row('good', '')],
      ['append', ['bad', 1, 2, true, 3, '{', '']],
    ]);
    const error: unknown = await failing.catch((e: unknown) => e);
    expect(isRefusedData(error)).toBe(true);
    expect(await read()).toEqual([]);
  });

  it.each([
    ['a time that is none', ['bad', 1, 2, true, NaN, '{}', '']],
    ['a number that is text', ['bad', 'one', 2, true, 3, '{}', '']],
    ['a whole number with a fraction', ['bad', 1, 2.5, true, 3, '{}', '']],
    ['a boolean that is a number', ['bad', 1, 2, 1, 3, '{}', '']],
  ] as const)('of %s fail before they are written, and the connection stays usable', async (_, bad) => {
    await clear();
    await expect(write([['append', bad]])).rejects.toThrow(/no time|can't hold/);
    await write([['append', row('good', '')]]);
    expect(await read()).toHaveLength(1);
  });
});

describe('several changes of one row', () => {
  it('by upsert: the last one stays', async () => {
    await clear();
    await write([
      ['upsert', row('a', 'first')],
      ['upsert', row('b', 'only')],
      ['upsert', row('a', 'last')],
    ]);
    expect((await read()).map(({ id, note }) => [id, note])).toEqual([
      ['a', 'last'],
      ['b', 'only'],
    ]);
    await write([['upsert', row('a', 'later still')]]);
    expect((await read())[0]?.['note']).toBe('later still');
  });

  it('by insertIfAbsent: the first one stays', async () => {
    await clear();
    await write([
      ['insertIfAbsent', row('a', 'first')],
      ['insertIfAbsent', row('a', 'second')],
    ]);
    await write([['insertIfAbsent', row('a', 'third')]]);
    expect((await read()).map(({ note }) => note)).toEqual(['first']);
  });

  it('by append and then insertIfAbsent: the appended one stays; a second append is an error', async () => {
    await clear();
    await write([
      ['append', row('a', 'appended')],
      ['insertIfAbsent', row('a', 'repeated')],
    ]);
    await expect(write([['append', row('a', 'again')]])).rejects.toThrow(/duplicate key/);
    expect((await read()).map(({ note }) => note)).toEqual(['appended']);
  });
});

describe('alerts of one bucket [DOM-8]', () => {
  const columns = Object.keys(alertsProjection.tables.alerts.columns);
  const alert = (id: number, resolved: boolean): Row =>
    columns.map((column) => {
      const values: Readonly<Record<string, Row[number]>> = {
        id: `00000000-0000-5000-8000-${String(id).padStart(12, '0')}`,
        severity: 'WARNING',
        caused_by: '[]',
        resolved,
        resolved_at: resolved ? 2_000 : null,
        created_at: 1_000,
        participant: '12345678',
        endpoint_id: 'KEYS_CHECK',
        message: '',
        reason: 'THRESHOLD',
        rule_version: 'r',
        threshold_percent: 20,
        available_tokens: 1,
        capacity: 10,
        utilization_percent: 90,
      };
      return values[column] ?? null;
    });
  const writeAlerts = async (rows: readonly Row[]) =>
    await database.transaction(async (tx) =>
      writeRows(
        tx,
        'alerts_v1',
        alertsProjection.tables,
        rows.map((one) => ({ table: 'alerts', how: 'upsert', row: one })),
      ),
    );

  it('resolve before the next one opens, within one batch: at most one is open at any row', async () => {
    await writeAlerts([alert(1, false)]);
    await writeAlerts([alert(1, true), alert(2, false), alert(2, true), alert(3, false)]);
    const open = await database.query(`select id from alerts_v1.alerts where not resolved`);
    expect(open).toEqual([{ id: '00000000-0000-5000-8000-000000000003' }]);
    expect(await database.query(`select from alerts_v1.alerts`)).toHaveLength(3);
  });

  it('can not both be open, whoever writes them', async () => {
    await expect(writeAlerts([alert(4, false)])).rejects.toThrow(/alerts_one_open_per_bucket/);
  });
});
