/** Asks Postgres as Grafana's data source does: as a role that may only read, and with the types of the columns. */
import type pg from 'pg';
import type { Answer } from './check.ts';

const { TIMES, NUMBERS, TEXTS } = {
  // timestamptz, timestamp, date
  TIMES: [1184, 1114, 1082],
  // int8, int2, int4, float4, float8, numeric
  NUMBERS: [20, 21, 23, 700, 701, 1700],
  // text, varchar, bpchar, bool and uuid are shown as they are
  TEXTS: [25, 1043, 1042, 16, 2950],
} as const;

const kindOf = (oid: number): Answer['columns'][number]['kind'] => {
  const has = (list: readonly number[]): boolean => list.includes(oid);
  return has(TIMES) ? 'time' : has(NUMBERS) ? 'number' : has(TEXTS) ? 'text' : 'other';
};

export async function ask(client: pg.Client, text: string): Promise<Answer> {
  const { fields, rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
  const columns = fields.map(({ name, dataTypeID }) => ({ name, kind: kindOf(dataTypeID) }));
  return { columns, rows: rows.map((row) => row.map((value, i) => plain(value, columns[i]?.kind))) };
}

const plain = (value: unknown, kind: string | undefined): unknown => {
  if (value === null) return null;
  if (value instanceof Date) return value.getTime();
  return kind === 'number' ? Number(value) : value;
};

/** @throws whatever the role may not read */
export async function readOnly<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin read only');
  try {
    await client.query('set local role balde_readonly');
    return await work();
  } finally {
    await client.query('rollback');
  }
}
