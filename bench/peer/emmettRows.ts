/** Observations in, rows of Balde's `states` out, written through the connection that Emmett lends. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { statesProjection } from '../../projections/states/fold.ts';
import type { StatesState } from '../../projections/states/fold.ts';
import { foldBatch } from '../../src/consume/foldBatch.ts';
import type { RowChange } from '../../src/domain/fold.ts';
import type { Parameter, Row, Sql } from '../../src/store/database.ts';
import { firstVersionOf, schemaOf } from '../../src/store/schemas.ts';
import { writeRows } from '../../src/store/rows.ts';
import type { Observed } from './emmettStore.ts';

export const SCHEMA = schemaOf(firstVersionOf(statesProjection));

export type Writing = 'COPY' | 'INSERT';

/** The fold of Balde, its state kept in memory from one call to the next. */
export function folding(): (events: readonly Observed[]) => readonly RowChange[] {
  const states = new Map<string, StatesState>();
  return (events) => {
    const observations = events.map(({ type, data }) => ({ type, ...data }));
    const { changed, out } = foldBatch(statesProjection, states, observations);
    for (const [key, state] of changed) states.set(key, state);
    return out;
  };
}

/**
 * Writes rows on Emmett's connection, in its transaction: history by COPY, or by one INSERT of arrays as the rest is.
 */
export async function write(client: pg.ClientBase, writing: Writing, changes: readonly RowChange[]): Promise<void> {
  const asked =
    writing === 'COPY'
      ? changes
      : changes.map((change) => (change.how === 'append' ? { ...change, how: 'insertIfAbsent' as const } : change));
  await writeRows(sqlOn(client), SCHEMA, statesProjection.tables, asked);
}

function sqlOn(client: pg.ClientBase): Sql {
  const run = async (text: string, parameters: readonly Parameter[] = []) =>
    await client.query<Row>(text, [...parameters]);
  return {
    query: async <R extends object>(text: string, parameters?: readonly Parameter[]) =>
      (await run(text, parameters)).rows as R[],
    execute: async (text, parameters) => (await run(text, parameters)).rowCount ?? 0,
    copy: async (statement, chunks) => {
      await pipeline(Readable.from(chunks, { objectMode: false }), client.query(copyFrom(statement)));
    },
  };
}
