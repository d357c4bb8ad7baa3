import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { FOLDS } from '../../src/topology/folds.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Sql } from '../../src/store/database.ts';
import { hasSqlState } from '../../src/store/errors.ts';
import { Leases } from '../../src/store/leases.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createPartition } from '../../src/store/partitions.ts';
import { installFold } from '../../src/store/installFold.ts';
import { READER } from '../../src/store/reader.ts';
import { createVersion, dropVersion } from '../../src/store/versions.ts';
import { baldeDatabase } from '../support/database.ts';

const { url, database, log } = await baldeDatabase();
const HISTORY = { schema: 'states_v1', table: 'history' };

/** A login that may do what Grafana's may. */
const stranger = `stranger_${randomUUID().replaceAll('-', '')}`;
await database.execute(`create role ${stranger} login password 'x' in role ${READER}`);
const address = new URL(url);
address.username = stranger;
address.password = 'x';
const strangers = openDatabase({ url: address.href });
afterAll(async () => {
  await strangers.close();
  await database.execute(`drop role ${stranger}`);
});

const [states] = FOLDS;

/** What waits for other processes of Balde, with the keys of the advisory locks that it would be guessed by. */
const WORK: readonly (readonly [what: string, key: string, work: () => Promise<unknown>])[] = [
  ['a migration', `hashtext('balde.migrate')`, async () => await migrate(url)],
  [
    'a read model',
    `hashtext('balde.install')`,
    async () => await Promise.all(FOLDS.map(async (fold) => await installFold(database, fold))),
  ],
  [
    'another version',
    `hashtext('balde.install')`,
    async () => {
      if (states === undefined) throw new Error('there are no folds');
      const version = await createVersion(database, states, { source: 'test', until: null });
      await dropVersion(database, version);
    },
  ],
  [
    'a month of history',
    `hashtext('balde.partitions states_v1.history')`,
    async () => await database.transaction(async (tx) => await createPartition(tx, HISTORY, Date.UTC(2031, 4))),
  ],
  [
    'a rebuild',
    `hashtext('balde.rebuild'), hashtext('states')`,
    async () => {
      const leases = new Leases(database, 10_000);
      expect(await leases.take('rebuild/states', new AbortController().signal)).not.toBeNull();
      await leases.close();
    },
  ],
];

describe('a login that may only read [DB-6]', () => {
  it.each(WORK)('cannot hold up %s with an advisory lock', async (_, key, work) => {
    const held = await strangers.session();
    await held.execute(`select pg_advisory_lock(${key})`);
    // Without the lock's owner it would never end: the test's time-out is the failure.
    await work();
    await held.close();
  });

  it('nor is any advisory lock taken by what works', async () => {
    let seen = 0;
    const look = setInterval(() => {
      void database
        .query<{ n: number }>(
          `select count(*) as n from pg_locks l join pg_database d on d.oid = l.database
           where l.locktype = 'advisory' and d.datname = current_database()`,
        )
        .then(([row]) => (seen += row?.n ?? 0));
    }, 2);
    for (const [, , work] of WORK) await work();
    clearInterval(look);
    expect(seen).toBe(0);
  });

  it.each([
    'lock table balde.lock in access share mode',
    'select from balde.lock for update',
    'delete from balde_log.lease',
    `select balde_log.take_lease('rebuild/states', '1 day')`,
    `select balde.number_outbox('rate-limit-alerts', 1)`,
    'lock table balde_migrations.lock in access share mode',
    'lock table states_v1.history in access share mode',
    'select from dict_rate_limit_states for update',
    'lock table dict_rate_limit_states in share mode',
  ])('may not: %s', async (statement) => {
    const attempt = async (tx: Sql): Promise<unknown> => await tx.query(statement);
    const error = await strangers.transaction(attempt).catch((reason: unknown) => reason);
    expect(hasSqlState(error, '42501')).toBe(true);
  });

  it('reads the views', async () => {
    expect(await strangers.query('select from dict_rate_limit_states')).toEqual([]);
    await log.close();
  });
});
