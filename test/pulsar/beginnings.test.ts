/** On Pulsar, whose positions don't tell it, Balde knows by itself whether its log is whole. */
import { beforeAll, expect, it } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import type { RebuildableName } from '../../src/topology/folds.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import type { Ended } from '../cli/balde.ts';
import { history, live, publishAlerts, rebuilt } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { administrator, environmentOf, settingsOf } from './given.ts';

interface Unlogged {
  readonly table: string;
  readonly rows: number;
}

interface Told {
  readonly taken_over: readonly Unlogged[];
  readonly differences: readonly { readonly table: string }[];
}

interface Invention {
  readonly what: RebuildableName;
  /** Puts the row in, in a table where it is found and left out. */
  readonly put: string;
  readonly table: string;
  readonly remove: string;
}

const LONG_AGO = '2026-02-01T00:00:00Z';
const INVENTED: Readonly<Record<string, Invention>> = {
  'a row of history': {
    what: 'states',
    table: 'history',
    put: `insert into states_v1.history select (jsonb_populate_record(r, '{"response_time": "${LONG_AGO}", "available_tokens": -5}')).*
      from states_v1.history r where endpoint_id = 'KEYS_CHECK' order by response_time limit 1`,
    remove: `delete from states_v1.history where response_time = '${LONG_AGO}'`,
  },
  'an alert': {
    what: 'alerts',
    table: 'alerts',
    put: `insert into alerts_v1.alerts
      select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid()) ||
        '{"created_at": "${LONG_AGO}", "resolved": true, "resolved_at": "2026-02-02T00:00:00Z"}')).*
      from alerts_v1.alerts r order by created_at limit 1`,
    remove: `delete from alerts_v1.alerts where created_at = '${LONG_AGO}'`,
  },
};

describePulsar('what is older than the log on Pulsar [REBUILD-9, REBUILD-7, VERIFY-1]', () => {
  const { url: serviceUrl, adminUrl } = pulsarBroker();
  const settings = settingsOf({ serviceUrl, adminUrl });
  let given: TestDatabase;
  let log: PulsarLog;

  beforeAll(async () => {
    given = await baldeDatabase();
    await given.database.execute(
      `create table states_v1.before partition of states_v1.history for values from ('2026-01-01Z') to ('2026-02-15Z')`,
    );
    log = new PulsarLog(settings);
    for (const topic of TOPICS) await log.ensureTopic(topic);
    await publish(log, history(2));
    expect(await publishAlerts(log, history(10))).toBeGreaterThan(20);
    for (const what of ['states', 'alerts'] as const) await live(given.database, log, what);
    return async () => await log.close();
  }, 120_000);

  const verify = async (what: RebuildableName): Promise<Ended> =>
    await balde(['verify', what, '--json'], { DATABASE_URL: given.url, ...environmentOf(settings) });

  /** With the row put in, and without it afterwards. */
  async function invented<R>({ put, remove }: Invention, work: () => Promise<R>): Promise<R> {
    expect(await given.database.execute(put)).toBe(1);
    try {
      return await work();
    } finally {
      expect(await given.database.execute(remove)).toBe(1);
    }
  }

  it.each(Object.entries(INVENTED))(
    '%s is taken over, and named, in an installation that does not know what it read first',
    async (_, invention) => {
      await given.database.execute('update balde.installation set remembers_first = false');
      try {
        await invented(invention, async () => {
          const ended = await verify(invention.what);
          const told = jsonOf<Told>(ended);
          expect([ended.code, told.differences]).toEqual([0, []]);
          expect(told.taken_over).toContainEqual(expect.objectContaining({ table: invention.table, rows: 1 }));
        });
      } finally {
        await given.database.execute('update balde.installation set remembers_first = true');
      }
    },
    120_000,
  );

  it.each(Object.entries(INVENTED))(
    '%s, invented, is found by verify and left out by a rebuild where the log is whole',
    async (_, invention) => {
      const { what, table } = invention;
      await invented(invention, async () => {
        const ended = await verify(what);
        expect(ended.code).toBe(1);
        const told = jsonOf<Told>(ended);
        expect(told.taken_over).toEqual([]);
        expect(told.differences).toContainEqual(expect.objectContaining({ table }));
        const { carried, version } = await rebuilt(given.database, log, what, {
          ...{ verify: false, cutOver: false },
        });
        expect(carried.takenOver).toEqual([]);
        expect(carried.leftOut).toMatchObject([{ table, rows: 1 }]);
        await balde(['projections', 'drop', what, String(version), '--yes'], {
          DATABASE_URL: given.url,
          ...environmentOf(settings),
        });
      });
      const without = await verify(what);
      expect([without.code, jsonOf<Told>(without).taken_over]).toEqual([0, []]);
    },
    120_000,
  );

  it('is kept when the topic was made anew: the log has lost what came before', async () => {
    const { database } = given;
    const admin = administrator(adminUrl);
    const path = `persistent/${settings.tenant}/${settings.namespace}/${POLICY_STATES.name}`;
    await admin('DELETE', `${path}/partitions?force=true`);
    const anew = new PulsarLog(settings);
    await anew.ensureTopic(POLICY_STATES);
    await database.execute('update balde.checkpoint set position = null');
    const rowsBefore = await database.query('select count(*) as n from states_v1.history');
    await publish(anew, history(3).slice(-100));
    await live(database, anew, 'states');
    const { carried, version } = await rebuilt(database, anew, 'states', { cutOver: false });
    expect(carried.leftOut).toEqual([]);
    expect(carried.rows).toBe((rowsBefore[0] as { n: number }).n);
    const [made] = await database.query<{ n: number }>(`select count(*) as n from states_v${version}.history`);
    expect(made?.n).toBe(carried.rows + 100);
    await anew.close();
  }, 120_000);
});
