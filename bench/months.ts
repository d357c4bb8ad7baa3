/**
 * What months of adaptive polling cost: rows, bytes, rebuild and verify, measured on a log of some days and told for
 * 13 months of them (docs/performance.md): `npm run bench:months -- [--days N] [--seed N] [--drip]`.
 */
import { adaptivePolls } from './adaptiveLog.ts';
import { balde } from './command.ts';
import { install, onServer, option } from './common.ts';
import { fillEmbedded } from './fillLogs.ts';
import type { Database } from '../src/store/database.ts';

const days = option('days', 30);
const seed = option('seed', 5);
const refill = process.argv.includes('--drip') ? 'drip' : 'lump';
/** 13 months. */
const ALL_DAYS = 395;
const MIB = 1024 * 1024;

const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** Bytes of tables with their indexes, partitions summed, and the rows that statistics know. */
async function sizeOf(database: Database, schema: string, table: string): Promise<{ bytes: number; rows: number }> {
  const [size] = await database.query<{ bytes: number; rows: number }>(
    `select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint as bytes,
            coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint as rows
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind = 'r' and (c.relname = $2 or c.oid in
       (select inhrelid from pg_inherits where inhparent = to_regclass($1 || '.' || $2)))`,
    [schema, table],
  );
  return size ?? { bytes: 0, rows: 0 };
}

interface Rebuilt {
  readonly version: number;
  readonly total_seconds: number;
  readonly peak_rss_mib: number;
}

async function measure(url: string, database: Database, events: number): Promise<void> {
  const more = ALL_DAYS / days;
  const buckets = 29;
  const tell = (what: string, { bytes, rows }: { bytes: number; rows: number }): void =>
    console.log(
      `${what.padEnd(20)} ${whole(rows).padStart(10)} rows ${(bytes / MIB).toFixed(0).padStart(7)} MiB   ` +
        `${(bytes / rows).toFixed(0).padStart(5)} bytes a row   13 months: ${whole(rows * more).padStart(11)} rows, ` +
        `${((bytes * more) / MIB / 1024).toFixed(1)} GiB, ${whole((rows * more) / buckets)} rows a bucket`,
    );
  const time = (what: string, seconds: number): void =>
    console.log(
      `${what.padEnd(20)} ${seconds.toFixed(1).padStart(10)} s, ${whole(events / seconds)} events/s   ` +
        `13 months: ${((seconds * more) / 60).toFixed(0)} min`,
    );
  for (const model of ['states', 'rollups']) {
    const { report } = await balde<Rebuilt>(url, ['rebuild', model]);
    time(`rebuild ${model}`, report.total_seconds);
  }
  const verified = await balde(url, ['verify', 'states']);
  time('verify states', verified.seconds);
  await database.execute('vacuum analyze');
  tell('log', await sizeOf(database, 'balde_log', 'message'));
  tell('history', await sizeOf(database, 'states_v2', 'history'));
  for (const table of ['rollup_5m', 'rollup_hours', 'rollup_days'])
    tell(table, await sizeOf(database, 'rollups_v2', table));
}

await onServer(async (createDatabase) => {
  const url = await createDatabase('months');
  const installed = await install(url);
  const { database } = installed;
  const events = await fillEmbedded([database], adaptivePolls({ seed, days, refill }));
  console.log(`${days} days of adaptive polling, seed ${seed}, ${refill}: ${whole(events)} observations`);
  await measure(url, database, events);
  await installed.close();
});
process.exit();
