/** The ways to rebuild with Emmett, from its documented one to the quickest that its interfaces allow. */
import { rawSql, sql } from '@event-driven-io/dumbo';
import type { SQL } from '@event-driven-io/dumbo';
import { MessageProcessorType } from '@event-driven-io/emmett';
import type { MessageProcessor, ReadEventMetadataWithGlobalPosition, RecordedMessage } from '@event-driven-io/emmett';
import {
  postgreSQLEventStoreConsumer,
  postgreSQLRawBatchSQLProjection,
  rebuildPostgreSQLProjections,
  storeProcessorCheckpoint,
} from '@event-driven-io/emmett-postgresql';
import type {
  PostgreSQLProcessorHandlerContext,
  PostgreSQLProjectionDefinition,
} from '@event-driven-io/emmett-postgresql';
import { statesProjection } from '../../projections/states/fold.ts';
import type { RowChange, TableSpec } from '../../src/domain/fold.ts';
import { folding, SCHEMA, write } from './emmettRows.ts';
import type { Writing } from './emmettRows.ts';
import type { Observed } from './emmettStore.ts';

interface ModeOptions {
  readonly url: string;
  /** `pulling.batchSize`: messages per read and per transaction. */
  readonly batchSize: number;
  /** Ends after so many events; the store may hold more. */
  readonly events: number;
  readonly writing: Writing;
}

/** Runs one rebuild from the beginning of the store, on empty tables. */
export type Run = (options: ModeOptions) => Promise<void>;

/** No pause between two reads; 50 ms is Emmett's default, 100 ms after the first read are fixed. */
const pullingOf = (batchSize: number) => ({ batchSize, pullingFrequencyInMs: 0 });

const TRUNCATE = rawSql(
  `truncate ${Object.keys(statesProjection.tables)
    .map((table) => `"${SCHEMA}"."${table}"`)
    .join(', ')}`,
);

/**
 * Emmett's consumer answers a failed batch by stopping without a word: what failed is kept and thrown here.
 */
function failures(): { keep: <T>(work: () => Promise<T>) => Promise<T>; rethrow: () => void } {
  const seen: unknown[] = [];
  return {
    keep: async (work) => {
      try {
        return await work();
      } catch (error) {
        seen.push(error);
        throw error;
      }
    },
    rethrow: () => {
      if (seen.length > 0) throw seen[0];
    },
  };
}

/**
 * As documented: `postgreSQLRawBatchSQLProjection` answers with statements. Version 0.42 hands it one event at a time.
 */
export const rebuildByStatements: Run = async ({ url, batchSize, events }) => {
  const fold = folding();
  const failed = failures();
  const projection = postgreSQLRawBatchSQLProjection<Observed>({
    name: 'states',
    canHandle: ['PolicyStateObserved'],
    evolve: async (batch) => await failed.keep(async () => Promise.resolve(fold(batch).map(statementOf))),
  });
  await rebuild({ ...projection, truncate: truncated }, { url, batchSize, events });
  failed.rethrow();
};

/**
 * `rebuildPostgreSQLProjections` with a handler that gathers the events of a batch and writes them with the last one.
 */
export const rebuildGathered: Run = async ({ url, batchSize, events, writing }) => {
  const fold = folding();
  const failed = failures();
  const gathered: Observed[] = [];
  let handled = 0;
  await rebuild(
    {
      name: 'states',
      canHandle: ['PolicyStateObserved'],
      truncate: truncated,
      handle: async (batch, { connection }) => {
        gathered.push(...batch);
        handled += batch.length;
        if (gathered.length < batchSize && handled < events) return;
        await failed.keep(async () => {
          await write(connection.client, writing, fold(gathered.splice(0)));
        });
      },
    },
    { url, batchSize, events },
  );
  failed.rethrow();
};

async function truncated({ execute }: { execute: PostgreSQLProcessorHandlerContext['execute'] }): Promise<void> {
  await execute.command(TRUNCATE);
}

async function rebuild(
  projection: PostgreSQLProjectionDefinition<Observed>,
  { url, batchSize, events }: Omit<ModeOptions, 'writing'>,
): Promise<void> {
  let handled = 0;
  const consumer = rebuildPostgreSQLProjections<Observed>({
    connectionString: url,
    pulling: pullingOf(batchSize),
    projections: [{ projection, stopAfter: () => (handled += 1) >= events }],
  });
  await consumer.start();
  await consumer.close();
}

type Context = Partial<PostgreSQLProcessorHandlerContext>;
type Messages = RecordedMessage<Observed, ReadEventMetadataWithGlobalPosition>[];

/**
 * `postgreSQLEventStoreConsumer` with a message processor of our own, which takes a batch as a whole: one fold, one
 * write, one checkpoint of Emmett, one transaction.
 */
export const consumeBatches: Run = async ({ url, batchSize, writing }) => {
  const fold = folding();
  const failed = failures();
  const id = 'states';
  let checkpoint: bigint | null = null;
  const handle = async (messages: Messages, { connection }: Context): Promise<void> => {
    await connection?.pool.withTransaction(async (transaction) => {
      const client = (await transaction.connection.open()) as typeof connection.client;
      await write(client, writing, fold(messages));
      const last: bigint = messages.at(-1)?.metadata.globalPosition ?? 0n;
      await storeProcessorCheckpoint(transaction.execute, {
        processorId: id,
        version: 1,
        newCheckpoint: last,
        lastProcessedCheckpoint: checkpoint,
      });
      checkpoint = last;
    });
  };
  const processor: MessageProcessor<Observed, ReadEventMetadataWithGlobalPosition, PostgreSQLProcessorHandlerContext> =
    {
      id,
      instanceId: id,
      type: MessageProcessorType.PROJECTOR,
      isActive: true,
      init: async () => Promise.resolve(),
      start: async ({ execute }) => {
        await execute?.command(TRUNCATE);
        return 'BEGINNING';
      },
      close: async () => Promise.resolve(),
      handle: async (messages, context) => {
        await failed.keep(async () => await handle(messages, context));
      },
    };
  const consumer = postgreSQLEventStoreConsumer<Observed>({
    connectionString: url,
    pulling: pullingOf(batchSize),
    stopWhen: { noMessagesLeft: true },
    processors: [processor],
  });
  await consumer.start();
  await consumer.close();
  failed.rethrow();
};

/** One row change as a statement of its own. */
function statementOf({ table, how, row }: RowChange): SQL {
  const tables: Readonly<Record<string, TableSpec>> = statesProjection.tables;
  const spec = tables[table];
  if (spec === undefined) throw new Error(`there is no table ${table}`);
  const columns = Object.keys(spec.columns);
  const types = Object.values(spec.columns);
  const values = row.map((value, i) =>
    types[i] === 'timestamptz' && typeof value === 'number' ? new Date(value).toISOString() : value,
  );
  const others = columns.filter((column) => !spec.key.includes(column));
  const replacement = others.map((column) => `${column} = excluded.${column}`).join(', ');
  const onConflict = how === 'upsert' ? `on conflict (${spec.key.join(', ')}) do update set ${replacement}` : '';
  return sql(
    `insert into ${SCHEMA}.${table} (${columns.join(', ')}) values (${columns.map(() => '%L').join(', ')}) ${onConflict}`,
    ...values,
  );
}
