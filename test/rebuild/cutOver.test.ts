/** Cut-over and rollback while readers hold transactions open, as Grafana does. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/log/eventLog.ts';
import { putInService, previousVersion } from '../../src/operate/rebuild.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database, Session } from '../../src/store/database.ts';
import { dropVersion, listVersions } from '../../src/store/versions.ts';
import { cutOver } from '../../src/rebuild/cutOver.ts';
import { observed } from '../support/observations.ts';
import { history, live, never, POLICIES, rebuilt } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { seeded } from '../faults/seeded.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

describe('cut-over and rollback', () => {
  let database: Database;
  let log: EventLog;
  let url: string;
  let readers: Database;
  const expected = 10 * 24 * POLICIES.length;

  beforeAll(async () => {
    const given = await baldeDatabase();
    ({ database, log, url } = given);
    readers = openDatabase({ url });
    await publish(log, history(10));
    await live(database, log, 'states');
    await rebuilt(database, log, 'states', { cutOver: false });
  });
  afterAll(async () => await readers.close());

  const goTo = async (version: number, onWaiting: (attempt: number) => void = () => undefined) =>
    await putInService({
      storage: { database, log, logDescription: 'the log' },
      what: 'states',
      version,
      signal: never(),
      onWaiting,
    });
  const served = async () => (await listVersions(database, 'states')).find((one) => one.served)?.version;

  it('show readers one whole version or the other, and never keep them waiting long [REBUILD-2]', async () => {
    const stop = new AbortController();
    const seen = new Set<number>();
    let longest = 0;
    let reads = 0;
    const read = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const start = performance.now();
        const [row] = await readers.query<{ history: number; latest: number }>(
          `select (select count(*) from dict_rate_limit_states) as history,
             (select count(*) from v_dict_rate_limit_latest_states) as latest`,
        );
        longest = Math.max(longest, performance.now() - start);
        seen.add(row?.history ?? -1);
        expect(row?.latest).toBe(POLICIES.length);
        reads += 1;
      }
    };
    const reading = Promise.all([read(), read(), read()]);
    for (let i = 0; i < 10; i += 1) {
      const to = i % 2 === 0 ? 2 : 1;
      const { lockedMs } = await goTo(to);
      expect(await served()).toBe(to);
      expect(lockedMs).toBeLessThan(2_000);
    }
    stop.abort();
    await reading;
    expect(seen).toEqual(new Set([expected]));
    expect(reads).toBeGreaterThan(20);
    expect(longest).toBeLessThan(5_000);
  });

  it('wait for a transaction that holds a view, letting other readers through, and then go on', async () => {
    const before = await served();
    const to = before === 1 ? 2 : 1;
    const idle: Session = await readers.session();
    await idle.execute('begin');
    await idle.query('select count(*) from v_dict_rate_limit_latest_states');
    let attempts = 0;
    const going = goTo(to, (attempt) => (attempts = attempt));
    await eventually('it tried more than once', async () => Promise.resolve(attempts > 1));
    // Others are served all the while, and this one may go on reading.
    await readers.query('select count(*) from dict_rate_limit_states');
    await idle.query('select count(*) from dict_rate_limit_states');
    expect(await served()).toBe(before);
    await idle.execute('commit');
    await going;
    expect(await served()).toBe(to);
    await idle.close();
  });

  it('has no deadlock with readers that hold one view and want the next', async () => {
    const stop = new AbortController();
    const errors: unknown[] = [];
    const random = seeded(4);
    const crossing = async (views: readonly string[]): Promise<void> => {
      while (!stop.signal.aborted) {
        await readers
          .transaction(async (tx) => {
            for (const view of views) {
              await tx.query(`select count(*) from ${view}`);
              await delay(5);
            }
          })
          .catch((error: unknown) => {
            errors.push(error);
            stop.abort();
          });
        await delay(random.between(20, 120));
      }
    };
    const views = ['dict_rate_limit_policies', 'dict_rate_limit_states', 'v_dict_rate_limit_latest_states'];
    const reading = [crossing(views), crossing([...views].reverse()), crossing(views)];
    for (let i = 0; i < 6; i += 1) await goTo((await served()) === 1 ? 2 : 1);
    stop.abort();
    await Promise.all(reading);
    expect(errors).toEqual([]);
  });

  it('rollback knows the version before; rights and what others built on the views stay', async () => {
    await database.execute('create view public.mine as select participant from dict_rate_limit_states');
    const now = await served();
    const storage = { database, log, logDescription: 'the log' };
    const previous = await previousVersion(storage, 'states');
    expect(previous.version).not.toBe(now);
    await goTo(previous.version);
    expect((await previousVersion(storage, 'states')).version).toBe(now);
    expect(await database.query('select count(*)::int as n from public.mine')).toEqual([{ n: expected }]);
    const [granted] = await database.query<{ ok: boolean }>(
      `select has_table_privilege('balde_readonly', 'public.dict_rate_limit_states', 'select') as ok`,
    );
    expect(granted?.ok).toBe(true);
  });

  it('happen although messages keep coming: the version in service is held until the new one has caught up [REBUILD-10]', async () => {
    const [from, to] = (await served()) === 1 ? [1, 2] : [2, 1];
    let calls = 0;
    const comes = async (): Promise<void> => {
      await publish(log, [observed('POLICY_BUSY', 20 * 24 * 60 + calls, 1)]);
      await live(database, log, 'states', from);
    };
    const { attempts } = await cutOver({
      ...{ database, to: { name: 'states', version: to }, from },
      catchUp: async () => {
        calls += 1;
        await live(database, log, 'states', to);
        // While it is held, the version in service takes nothing in.
        if (calls <= 4) await comes();
      },
      signal: never(),
      onWaiting: () => undefined,
    });
    expect([attempts, calls]).toEqual([4, 5]);
    expect(await served()).toBe(to);
    const [row] = await database.query(
      `select count(*) as n from dict_rate_limit_states where endpoint_id = 'POLICY_BUSY'`,
    );
    expect(row).toEqual({ n: 4 });
    await goTo(from);
  });

  it('drop takes a version that is not in service, and no other', async () => {
    const now = (await served()) ?? 0;
    const other = now === 1 ? 2 : 1;
    await goTo(now).catch((error: unknown) => expect(String(error)).toContain('in service already'));
    await database.execute('drop view public.mine');
    await dropVersion(database, { name: 'states', version: other });
    expect((await listVersions(database, 'states')).map(({ version }) => version)).toEqual([now]);
    await expect(goTo(other)).rejects.toThrow(`there are ${now}`);
  });
});
