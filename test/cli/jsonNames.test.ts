import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde } from './balde.ts';
import { MINUTE, PARTICIPANT, seed } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const LAST = Date.UTC(2026, 4, 4, 12);
const folder = await mkdtemp(join(tmpdir(), 'balde-json-'));
const environment = { DATABASE_URL: url, ARCHIVE_DIR: join(folder, 'archive') };
afterAll(async () => await rm(folder, { recursive: true, force: true }));

/** Every key of a value, wherever it lies. Names of policies, buckets and rule versions are no keys of ours. */
function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...keysOf(inner)]);
}

const NAME = /^[a-z][a-z\d]*(_[a-z\d]+)*$/;
const FOREIGN = /^w[\d.]+-c[\d.]+-m[\d.]+-n\d+$/;

const bucket = ['--participant', PARTICIPANT, '--policy', 'FALLING'];
let alert = '';

beforeAll(async () => {
  const [first] = await seed(database, log, LAST);
  const producer = await log.producer(POLICY_STATES.name, {
    ...{ name: 'poison', access: 'shared' },
    signal: new AbortController().signal,
  });
  const properties = { event_type: 'PolicyStateObserved', schema_version: '1' };
  await producer.send([
    {
      key: first?.policy ?? '',
      payload: Buffer.from('junk'),
      properties,
      eventTime: LAST,
      sequenceId: 1,
    },
  ]);
  const [row] = await database.query<{ id: string }>('select id from dict_rate_limit_alerts limit 1');
  alert = row?.id ?? '';
  await balde(['archive', 'run', '--until-end'], environment);
});

/** In this order: some change what others show. */
const OUTPUTS: readonly (readonly [string, () => readonly string[]])[] = [
  ['status', () => ['status', '--json']],
  ['alerts', () => ['alerts', '--json']],
  ['explain', () => ['explain', alert, '--json']],
  ['state', () => ['state', '--at', new Date(LAST - MINUTE).toISOString(), '--json']],
  ['history', () => ['history', ...bucket, '--json']],
  ['what-if', () => ['what-if', '--warning', '70', '--json']],
  ['consumers', () => ['consumers', '--json']],
  ['lag', () => ['lag', '--json']],
  ['checkpoints list', () => ['checkpoints', 'list', '--json']],
  ['dead-letters list', () => ['dead-letters', 'list', '--all', '--json']],
  ['projections list', () => ['projections', 'list', '--json']],
  ['archive status', () => ['archive', 'status', '--json']],
  ['archive verify', () => ['archive', 'verify', '--json']],
  ['doctor', () => ['doctor', '--json']],
  ['migrate', () => ['migrate', '--json']],
  ['export observations', () => ['export', 'observations']],
  ['export alert-events', () => ['export', 'alert-events']],
  ['export states', () => ['export', 'states']],
  ['export alerts', () => ['export', 'alerts']],
  ['verify', () => ['verify', 'alerts', '--json']],
  ['rebuild', () => ['rebuild', 'alerts', '--json']],
  ['projections rollback', () => ['projections', 'rollback', 'alerts', '--json']],
  ['checkpoints reset', () => ['checkpoints', 'reset', '--topic', POLICY_STATES.name, '--yes', '--json']],
  ['retention run --dry-run', () => ['retention', 'run', '--dry-run', '--json']],
];

describe('every JSON output', () => {
  test.each(OUTPUTS)('of balde %s has names in snake case only', async (_name, args) => {
    const { stdout } = await balde(args(), environment);
    const values = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const keys = values.flatMap(keysOf);
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((name) => !NAME.test(name) && !FOREIGN.test(name))).toEqual([]);
  });
});
