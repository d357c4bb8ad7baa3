import { describe, expect, it } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { installFold } from '../../src/store/installFold.ts';
import { migrate } from '../../src/store/migrate.ts';
import { schemaOf } from '../../src/store/schemas.ts';
import { createVersion, listVersions, setVersionState } from '../../src/store/versions.ts';
import { serve } from '../../src/store/views.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';

const { database } = await baldeDatabase();
const [v1, v2] = [1, 2].map((version) => ({ name: 'alerts', version })) as [Fold, Fold];
interface Fold {
  readonly name: string;
  readonly version: number;
}

async function addAlert(schema: string, id: number): Promise<void> {
  await database.execute(
    `insert into "${schema}".alerts (id, participant, endpoint_id, severity, threshold_percent, available_tokens, capacity,
       utilization_percent, message, reason, rule_version, caused_by, created_at, resolved)
     values (('00000000-0000-5000-8000-' || lpad($1::text, 12, '0'))::uuid, '12345678', $1::text, 'WARNING', 20, 1, 10, 90, '',
       'THRESHOLD', 'r', '[]', now(), false)`,
    [id],
  );
}

const count = async (view: string): Promise<number> =>
  (await database.query<{ n: number }>(`select count(*) as n from public.${view}`))[0]?.n ?? -1;

const served = async () =>
  await database.query(`select name, version from balde.projection where served order by name`);

const cutOver = async (to: Fold) => await database.transaction(async (tx) => serve(tx, to));

/** A table and a grant as an operator may have made them, beside the read-only role of the migrations. */
async function operatorsGrants(on: Database): Promise<string> {
  const role = `analyst_${Date.now()}`;
  await on.execute(`create role "${role}" nologin`);
  await on.execute(`grant select on public.dict_rate_limit_alerts to "${role}" with grant option`);
  await on.execute(`grant select on public.v_dict_rate_limit_active_alerts to public`);
  return role;
}

const mayRead = async (role: string, view: string): Promise<boolean> =>
  (
    await database.query<{ may: boolean }>(`select has_table_privilege($1, $2, 'select') as may`, [
      role,
      `public.${view}`,
    ])
  )[0]?.may ?? false;

describe('a version of a read model [VIEW-1]', () => {
  it('is installed once, however often and by how many', async () => {
    const empty = await emptyDatabase();
    await migrate(empty.url);
    await Promise.all(Array.from({ length: 4 }, async () => installFold(empty.database, alertsProjection)));
    const schemas = await empty.database.query(`select from pg_namespace where nspname = $1`, [schemaOf(v1)]);
    expect(schemas).toHaveLength(1);
    expect(await listVersions(empty.database)).toMatchObject([{ name: 'alerts', version: 1, served: true }]);
    expect(await served()).toEqual(
      FOLDS.map(({ name }) => ({ name, version: 1 })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  });

  it('is put in service, and back, in one step each', async () => {
    await setVersionState(
      database,
      await createVersion(database, alertsProjection, { source: null, until: null }),
      'live',
    );
    await addAlert('alerts_v1', 1);
    await addAlert('alerts_v2', 1);
    await addAlert('alerts_v2', 2);
    expect(await count('dict_rate_limit_alerts')).toBe(1);
    await cutOver(v2);
    expect(await count('dict_rate_limit_alerts')).toBe(2);
    expect(await served()).toContainEqual(v2);
    await cutOver(v1);
    expect(await count('dict_rate_limit_alerts')).toBe(1);
    expect(await served()).toContainEqual(v1);
  });

  it('is seen whole by readers at every moment of many cut-overs', async () => {
    let cutting = true;
    const seen = new Set<string>();
    const read = async (): Promise<void> => {
      while (cutting) {
        const [row] = await database.query<{ served: number; n: number }>(
          `select (select version from balde.projection where name = 'alerts' and served) as served,
                  (select count(*) from public.v_dict_rate_limit_active_alerts) as n`,
        );
        seen.add(`${row?.n ?? 'none'}`);
      }
    };
    const readers = [read(), read(), read()];
    for (let i = 0; i < 30; i += 1) await cutOver(i % 2 === 0 ? v2 : v1);
    cutting = false;
    await Promise.all(readers);
    expect([...seen].sort()).toEqual(expect.arrayContaining(['1']));
    expect([...seen].filter((n) => n !== '1' && n !== '2')).toEqual([]);
  });

  it('leaves everything as it was when the cut-over breaks off', async () => {
    await expect(
      database.transaction(async (tx) => {
        await serve(tx, v2);
        throw new Error('broken off');
      }),
    ).rejects.toThrow('broken off');
    expect(await served()).toContainEqual(v1);
    expect(await count('dict_rate_limit_alerts')).toBe(1);
  });

  it('that does not exist is not served, and the served one stays', async () => {
    await expect(cutOver({ name: 'alerts', version: 99 })).rejects.toThrow(/no version 99/);
    expect(await served()).toContainEqual(v1);
  });

  it('leaves the rights on the views to those who had them', async () => {
    const role = await operatorsGrants(database);
    await cutOver(v2);
    await cutOver(v1);
    expect(await mayRead(role, 'dict_rate_limit_alerts')).toBe(true);
    expect(await mayRead(role, 'v_dict_rate_limit_active_alerts')).toBe(true);
    expect(await mayRead(role, 'dict_rate_limit_category_changes')).toBe(false);
    expect(await mayRead('balde_readonly', 'dict_rate_limit_alerts')).toBe(true);
    const [grant] = await database.query(
      `select is_grantable from information_schema.role_table_grants
       where grantee = $1 and table_name = 'dict_rate_limit_alerts' and privilege_type = 'SELECT'`,
      [role],
    );
    expect(grant).toEqual({ is_grantable: 'YES' });
    await database.execute(`drop owned by "${role}"`);
    await database.execute(`drop role "${role}"`);
  });

  it('gives the read-only role the views and nothing behind them', async () => {
    const forbidden = ['alerts_v1.alerts', 'states_v1.history', 'balde.outbox', 'balde_log.message'];
    for (const table of forbidden) {
      const [row] = await database.query(
        `select has_schema_privilege('balde_readonly', $1, 'usage') as usage, has_table_privilege('balde_readonly', $2, 'select') as read`,
        [table.split('.')[0] ?? '', table],
      );
      expect(row).toEqual({ usage: false, read: false });
    }
    await database.transaction(async (tx) => {
      await tx.execute('set local role balde_readonly');
      expect(await tx.query('select count(*) from public.v_dict_rate_limit_latest_states')).toHaveLength(1);
    });
  });
});

describe('[VIEW-1] the views of an older program', () => {
  const definition = async (): Promise<string> =>
    (
      await database.query<{ text: string }>(
        `select pg_get_viewdef('public.v_dict_rate_limit_active_alerts'::regclass) as text`,
      )
    )[0]?.text ?? '';
  /** As a program left them whose views had no order and knew no digest. */
  const age = async (): Promise<void> => {
    await database.execute(
      `do $$ begin
         execute 'create or replace view public.v_dict_rate_limit_active_alerts as '
           || regexp_replace(pg_get_viewdef('public.v_dict_rate_limit_active_alerts'::regclass), 'ORDER BY.*$', '');
       end $$`,
    );
    await database.execute(`update balde.projection set views = null where name = 'alerts'`);
  };

  it('are replaced when a newer one starts, without a cut-over; rights stay', async () => {
    await cutOver(v1);
    const now = await definition();
    const role = await operatorsGrants(database);
    await age();
    expect(await definition()).not.toBe(now);
    await Promise.all(Array.from({ length: 3 }, async () => installFold(database, alertsProjection)));
    expect(await definition()).toBe(now);
    expect(await mayRead(role, 'v_dict_rate_limit_active_alerts')).toBe(true);
  });

  it('stay while someone reads them for long, and the start goes on', async () => {
    const now = await definition();
    await age();
    await database.transaction(async (tx) => {
      await tx.query('select count(*) from public.v_dict_rate_limit_active_alerts');
      await installFold(database, alertsProjection);
      expect(await definition()).not.toBe(now);
    });
    await installFold(database, alertsProjection);
    expect(await definition()).toBe(now);
  });
});
