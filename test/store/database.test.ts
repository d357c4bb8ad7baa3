import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import type { Database, Sql } from '../../src/store/database.ts';
import {
  CheckpointConflictError,
  DatabaseUnavailableError,
  isConnectionLost,
  isDatabaseError,
  isMissingPartition,
  isRefusedData,
  UnreadableValueError,
} from '../../src/store/errors.ts';
import { StandingSession } from '../../src/store/standingSession.ts';
import { emptyDatabase } from '../support/database.ts';
import { deadProxy } from '../support/deadProxy.ts';
import { eventually } from '../support/eventually.ts';

const { url, database } = await emptyDatabase();
await database.execute('create table t (id integer primary key check (id < 1000), note text)');

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error,
  );

const raise = async (sqlState: string): Promise<unknown> =>
  await failure(database.execute(`do $$ begin raise exception using errcode = '${sqlState}', message = 'x'; end $$`));

const pidOf = async (sql: Sql): Promise<number> =>
  (await sql.query<{ pid: number }>('select pg_backend_pid() as pid'))[0]?.pid ?? 0;

const terminate = async (pid: number) => await database.query('select pg_terminate_backend($1)', [pid]);

describe('an error of the database', () => {
  it.each(['08006', '53100', '53300', '57P01', '57014', '58030', '40001', '40P01', '55P03', '25006', '25P03'])(
    '%s passes by itself: the whole may be tried again',
    async (code) => {
      const error = await raise(code);
      expect(error).toBeInstanceOf(DatabaseUnavailableError);
      expect(isConnectionLost(error)).toBe(false);
    },
  );

  it.each(['22001', '22P02', '22003', '23502', '23505', '23514', '54000'])('%s is about the data', async (code) => {
    const error = await raise(code);
    expect([isRefusedData(error), isDatabaseError(error)]).toEqual([true, true]);
  });

  it.each(['42P01', '42501', '0A000', 'XX000', 'P0001', '3D000'])('%s is nobody’s message', async (code) => {
    const error = await raise(code);
    expect([isRefusedData(error), isDatabaseError(error)]).toEqual([false, true]);
    expect(error).not.toBeInstanceOf(DatabaseUnavailableError);
  });

  it('tells a missing partition from a violated check', async () => {
    await database.execute('create table p (n integer) partition by range (n)');
    expect(isMissingPartition(await failure(database.execute('insert into p values (1)')))).toBe(true);
    expect(isMissingPartition(await failure(database.execute('insert into t values (1000)')))).toBe(false);
  });
});

describe('an outage', () => {
  it('is told when nobody listens, and when a name resolves to nothing', async () => {
    for (const host of ['127.0.0.1:1', 'no-such-host.invalid']) {
      const away = openDatabase({ url: `postgresql://nobody@${host}/none` });
      expect(await failure(away.query('select 1'))).toBeInstanceOf(DatabaseUnavailableError);
      expect(await failure(away.session())).toBeInstanceOf(DatabaseUnavailableError);
      await away.close();
    }
  });

  it('in a transaction rolls it back, and the pool goes on with another connection', async () => {
    const error = await failure(
      database.transaction(async (tx) => {
        await tx.execute(`insert into t values (1, 'gone')`);
        await terminate(await pidOf(tx));
        await tx.execute(`insert into t values (2, 'gone')`);
      }),
    );
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect(await database.query('select from t')).toEqual([]);
  });

  it('ends a session, once, and its later statements fail', async () => {
    const session = await database.session();
    let ends = 0;
    session.onEnd(() => (ends += 1));
    await terminate(await pidOf(session));
    await eventually('the end', async () => Promise.resolve(ends > 0));
    expect(await failure(session.query('select 1'))).toBeInstanceOf(DatabaseUnavailableError);
    await session.close();
    expect(ends).toBe(1);
  });

  it('ends a standing session, which comes back prepared', async () => {
    const prepared: number[] = [];
    const standing = new StandingSession(database, async (session) => {
      prepared.push(await pidOf(session));
    });
    const { signal } = new AbortController();
    await standing.ready(10_000, signal);
    for (let i = 1; i <= 3; i += 1) {
      await terminate(prepared[i - 1] ?? 0);
      await eventually('another session', async () => Promise.resolve(prepared.length > i));
    }
    await standing.ready(10_000, signal);
    await standing.close();
    expect(standing.current).toBeNull();
    expect(await failure(standing.ready(10_000, signal))).toBeInstanceOf(DatabaseUnavailableError);
  });
});

describe('a connection whose peer went silent', () => {
  async function silent(work: (own: Database, silence: () => void) => Promise<unknown>): Promise<void> {
    const proxy = await deadProxy(url);
    const own = openDatabase({ url: proxy.through(url), statementTimeoutMs: 400, poolSize: 1 });
    expect(await own.query('select 1 as one')).toEqual([{ one: 1 }]);
    const error = await failure(work(own, () => proxy.silence()));
    expect(isConnectionLost(error)).toBe(true);
    // The pool's one connection is thrown away as soon as it is found dead, and a new one works.
    await eventually('another connection', async () => own.query('select 2').catch(() => null));
    await own.close();
    await proxy.kill();
  }

  it('fails a statement by its time-out', async () => {
    await silent(async (own, silence) => {
      silence();
      await own.query('select 1');
    });
  });

  it('fails a transaction, which does not wait a second time to be rolled back', async () => {
    const proxy = await deadProxy(url);
    const own = openDatabase({ url: proxy.through(url), statementTimeoutMs: 3_000, poolSize: 1 });
    const started = Date.now();
    const error = await failure(
      own.transaction(async (tx) => {
        await tx.execute(`insert into t values (3, 'gone')`);
        proxy.silence();
        await tx.execute(`insert into t values (4, 'gone')`);
      }),
    );
    expect(isConnectionLost(error)).toBe(true);
    expect(Date.now() - started).toBeLessThan(5_900);
    await proxy.kill();
    await own.close();
  });

  it('fails a COPY', async () => {
    await silent(async (own, silence) => {
      silence();
      await own.copy('copy t from stdin', ['5\tgone\n']);
    });
  });

  it('fails a session, which is then over', async () => {
    await silent(async (own, silence) => {
      const session = await own.session();
      let ended = false;
      session.onEnd(() => (ended = true));
      silence();
      try {
        await session.query('select 1');
      } finally {
        await eventually('the end', async () => Promise.resolve(ended));
        await session.close();
      }
    });
  });

  it('holds no locks for ever: the server ends a transaction that nobody continues', async () => {
    await database.execute(`insert into t values (7, 'before') on conflict do nothing`);
    const paused = openDatabase({ url, statementTimeoutMs: 300 });
    let go = (): void => undefined;
    const resumed = new Promise<void>((resolve) => (go = resolve));
    let locked = (): void => undefined;
    const holding = new Promise<void>((resolve) => (locked = resolve));
    const gone = paused.transaction(async (tx) => {
      await tx.execute(`update t set note = 'zombie' where id = 7`);
      locked();
      await resumed;
      await tx.execute(`update t set note = 'zombie again' where id = 7`);
    });
    await holding;
    await database.execute(`update t set note = 'heir' where id = 7`);
    go();
    expect(await failure(gone)).toBeInstanceOf(DatabaseUnavailableError);
    expect(await database.query('select note from t where id = 7')).toEqual([{ note: 'heir' }]);
    await paused.close();
  });
});

describe('a transaction', () => {
  it('rolls back and throws what its work threw, unchanged', async () => {
    for (const thrown of [new CheckpointConflictError('moved'), new Error('mine'), new TypeError('bug')]) {
      const error = await failure(
        database.transaction(async (tx) => {
          await tx.execute(`insert into t values (8, 'gone')`);
          throw thrown;
        }),
      );
      expect(error).toBe(thrown);
    }
    expect(await database.query('select from t where id = 8')).toEqual([]);
  });

  it('does not pretend to have committed after a statement of it failed', async () => {
    await expect(
      database.transaction(async (tx) => {
        await tx.execute(`insert into t values (9, 'gone')`);
        await tx.execute('select no_such_function()').catch(() => undefined);
      }),
    ).rejects.toThrow('rolled back');
    expect(await database.query('select from t where id = 9')).toEqual([]);
  });
});

describe('a prepared statement', () => {
  it('whose values can not be sent is prepared again: its client is not used any more', async () => {
    const one = openDatabase({ url, poolSize: 1 });
    const ask = async (value: unknown) =>
      await one.query<{ n: number }>('select $1::integer as n', [value as number], 'ask');
    expect(await ask(1)).toEqual([{ n: 1 }]);
    const before = await pidOf(one);
    const tooLong = {
      toPostgres: () => {
        throw new RangeError('Invalid string length');
      },
    };
    expect(await failure(ask(tooLong))).toBeInstanceOf(RangeError);
    expect(await ask(2)).toEqual([{ n: 2 }]);
    expect(await pidOf(one)).not.toBe(before);
    await one.close();
  });
});

describe('values [DB-4]', () => {
  it('come as the types promise: times as milliseconds, bigint as number', async () => {
    const [row] = await database.query(
      `select '2024-02-29T23:59:59.999Z'::timestamptz as at, '0001-01-01T00:00:00Z'::timestamptz as first,
         null::timestamptz as never, 9007199254740991 as big, '{"a": [1]}'::jsonb as doc`,
    );
    expect(row).toEqual({
      at: Date.UTC(2024, 1, 29, 23, 59, 59, 999),
      first: Date.parse('0001-01-01T00:00:00Z'),
      never: null,
      big: Number.MAX_SAFE_INTEGER,
      doc: { a: [1] },
    });
  });

  it.each([
    ['timestamptz', 'infinity'],
    ['timestamptz', '-infinity'],
    ['timestamptz', '0044-03-15 12:00:00+00 BC'],
    ['bigint', '9007199254740992'],
    ['bigint', '-9223372036854775808'],
  ])(
    'of type %s that no number tells exactly, such as %s, are errors that name column and value',
    async (type, text) => {
      const error = await failure(database.query(`select 1 as one, $1::text::${type} as two, 3 as three`, [text]));
      expect(error).toBeInstanceOf(UnreadableValueError);
      expect((error as Error).message).toContain(`column two of the database holds ${JSON.stringify(text)}`);
      expect(isDatabaseError(error)).toBe(true);
      // The next statement is read as ever.
      expect(await database.query('select 5::bigint as five')).toEqual([{ five: 5 }]);
    },
  );

  it.each(['SQL, DMY', 'German', 'Postgres'])('that come in DateStyle %s are none from 1970', async (style) => {
    const asking = database.transaction(async (tx) => {
      await tx.execute(`set local datestyle to '${style}'`);
      return await tx.query(`select timestamptz '2026-01-01T00:00:00Z' as response_time`);
    });
    expect(String(await failure(asking))).toMatch(/column response_time .* no time in the form of DateStyle ISO/);
  });

  it('of a setting may have spaces and backslashes', async () => {
    const own = openDatabase({ url, settings: { 'balde.note': "a  b\\c 'd'" } });
    expect(await own.query(`select current_setting('balde.note') as note`)).toEqual([{ note: "a  b\\c 'd'" }]);
    await own.close();
  });

  it('come in UTC whatever the database is set to', async () => {
    const { database: local } = await emptyDatabase({ timezone: 'America/Sao_Paulo', datestyle: 'German' });
    expect(await local.query('show timezone')).toEqual([{ TimeZone: 'UTC' }]);
    expect(await local.query(`select '2026-01-01T00:00:00Z'::timestamptz as at`)).toEqual([{ at: Date.UTC(2026, 0) }]);
  });

  it('of statements of one session keep the order of the calls', async () => {
    const session = await database.session();
    await session.execute('create temporary table seen (n serial, v integer)');
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => session.execute('insert into seen (v) values ($1)', [i])),
    );
    const rows = await session.query<{ v: number }>('select v from seen order by n');
    expect(rows.map(({ v }) => v)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    await session.close();
  });
});
