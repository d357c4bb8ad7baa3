/** The peer of the rebuild benchmark: Emmett's PostgreSQL event store rebuilds the same rows with the same fold. */
import { setNodePostgresTypeParser, setNodePostgresTypeRawParser } from '@event-driven-io/dumbo';
import pg from 'pg';
import { hashStates } from '../../src/store/hash.ts';
import type { Database } from '../../src/store/database.ts';
import { install } from '../common.ts';
import { makePartitions } from '../copyLimit.ts';
import { consumeBatches, rebuildByStatements, rebuildGathered } from './emmettModes.ts';
import type { Run } from './emmettModes.ts';
import { SCHEMA } from './emmettRows.ts';
import type { Writing } from './emmettRows.ts';
import { createStore, fillStore } from './emmettStore.ts';

export interface EmmettOptions {
  /** An empty database; it holds Emmett's store and the rebuilt tables. */
  readonly url: string;
  /** Rounded up to whole polls of 29. */
  readonly events: number;
  /** Messages per read and transaction, each tried. */
  readonly batchSizes?: readonly number[];
  /** All modes, the slow ones on part of the events; otherwise the quickest alone. */
  readonly allModes?: boolean;
  /**
   * What its interfaces and database allow beyond the defaults, on unless `false`: an index that its reads follow
   * instead of sorting the whole store each time, and the JSON parser without its search for big integers.
   */
  readonly tuned?: boolean;
}

export interface EmmettRebuild {
  readonly events: number;
  /** Of the quickest mode, from the start of Emmett's consumer to its end. */
  readonly seconds: number;
  readonly mode: string;
  readonly tried: readonly { readonly mode: string; readonly eventsPerSecond: number }[];
  /** {@link hashStates} of what was rebuilt: equal to that of Balde's own rebuild of the same polls. */
  readonly historyHash: string;
}

interface Mode {
  readonly name: string;
  readonly run: Run;
  readonly writing: Writing;
  readonly batchSize: number;
  /** The slow modes are measured on the first events only. */
  readonly events: number;
}

const PER_POLL = 29;
const BATCH_SIZES = [20_000, 50_000];
/** Events that the modes with a round trip per event are measured on. */
const SLOW_EVENTS = 5_800;

/**
 * Fills Emmett's store (not measured), rebuilds in each mode and tells the quickest. @throws {Error} the rows differ
 */
export async function emmettRebuild(options: EmmettOptions): Promise<EmmettRebuild> {
  const polls = Math.ceil(options.events / PER_POLL);
  const events = polls * PER_POLL;
  const { tuned = true } = options;
  const restoreTypeParsers = emmettTypeParsers(tuned);
  const installed = await install(options.url);
  const { database } = installed;
  try {
    await makePartitions(installed, polls);
    await createStore(options.url);
    await fillStore(database, polls);
    if (tuned) {
      await database.execute('create index on emt_messages (transaction_id, global_position)');
    }
    return await tryAll(database, options, events);
  } finally {
    await installed.close();
    restoreTypeParsers();
  }
}

async function tryAll(database: Database, options: EmmettOptions, events: number): Promise<EmmettRebuild> {
  const tried: { mode: string; eventsPerSecond: number }[] = [];
  let best = { mode: '', seconds: Infinity };
  let historyHash = '';
  for (const mode of modesOf(options, events)) {
    const seconds = await measure(database, options.url, mode);
    tried.push({ mode: mode.name, eventsPerSecond: mode.events / seconds });
    if (mode.events < events) continue;
    const hash = await hashStates(database, SCHEMA);
    if (historyHash !== '' && hash !== historyHash) throw new Error(`${mode.name} wrote other rows`);
    historyHash = hash;
    if (seconds < best.seconds) best = { mode: mode.name, seconds };
  }
  return { events, ...best, tried, historyHash };
}

function modesOf({ allModes = false, batchSizes = BATCH_SIZES }: EmmettOptions, events: number): Mode[] {
  const some = Math.min(events, SLOW_EVENTS);
  const whole = (batchSize: number, writing: Writing): Mode => ({
    name: `postgreSQLEventStoreConsumer, own batch processor, ${writing}, batches of ${batchSize}`,
    run: consumeBatches,
    writing,
    batchSize,
    events,
  });
  const copying = batchSizes.map((batchSize) => whole(batchSize, 'COPY'));
  if (!allModes) return copying;
  const slow = { batchSize: some, events: some, writing: 'COPY' as const };
  return [
    {
      ...slow,
      name: 'rebuildPostgreSQLProjections, postgreSQLRawBatchSQLProjection',
      run: rebuildByStatements,
    },
    { ...slow, name: 'rebuildPostgreSQLProjections, handler gathers, COPY', run: rebuildGathered },
    ...batchSizes.map((batchSize) => whole(batchSize, 'INSERT')),
    ...copying,
  ];
}

/** Seconds of one rebuild from nothing. @throws {Error} it ended with fewer rows than events */
async function measure(database: Database, url: string, mode: Mode): Promise<number> {
  // A rebuild that ran before has left its checkpoint, and 0.42 would go on from there with emptied tables.
  await database.execute('truncate emt_processors, emt_projections');
  await database.execute(`truncate "${SCHEMA}".history, "${SCHEMA}".latest, "${SCHEMA}".policies`);
  const start = performance.now();
  await mode.run({ url, batchSize: mode.batchSize, events: mode.events, writing: mode.writing });
  const seconds = (performance.now() - start) / 1000;
  const [row] = await database.query<{ n: number }>(`select count(*) as n from "${SCHEMA}".history`);
  if (row?.n !== mode.events) throw new Error(`${mode.name} wrote ${row?.n ?? 0} of ${mode.events} rows`);
  return seconds;
}

/** Emmett replaces parsers of `pg` for the whole process: what is measured after it must not pay for that. */
function emmettTypeParsers(tuned: boolean): () => void {
  const oids = [pg.types.builtins.INT8, pg.types.builtins.JSON, pg.types.builtins.JSONB];
  const kept = oids.map((oid) => pg.types.getTypeParser(oid) as (text: string) => unknown);
  (tuned ? setNodePostgresTypeRawParser : setNodePostgresTypeParser)({ force: true });
  return () => {
    oids.forEach((oid, i) => {
      pg.types.setTypeParser(oid, kept[i] ?? String);
    });
  };
}
