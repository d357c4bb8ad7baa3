/** Rollups on a real Postgres: what history gives, live and rebuilt, with a log that was trimmed and months dropped. */
import { describe, expect, it } from 'vitest';
import type { PolicyStateEvent } from '../../src/domain/events.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Database } from '../../src/store/database.ts';
import { expectRollupsEqualHistory, daysOf, ROLLUP_VIEWS, rollupsOfHistory, rollupsShown } from '../oracle/rollups.ts';
import { seeded } from '../faults/seeded.ts';
import { baldeDatabase } from '../support/database.ts';
import { observed, START } from '../support/observations.ts';
import { DAY, endsOf, live, rebuilt, TOPIC, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';

const MINUTE = 60_000;
const POLICIES = ['CLAIMS_READ', 'ENTRIES_READ_PARTICIPANT_ANTISCAN', 'CIDS_READ'];

/** Polls at uneven times, seconds to some minutes apart, with an outage now and then: hours, and days. */
function polls(days: number, seed = 1): ReturnType<typeof observed>[] {
  const random = seeded(seed);
  const events: ReturnType<typeof observed>[] = [];
  for (let at = START; at < START + days * DAY * MINUTE;) {
    for (const [i, policy] of POLICIES.entries()) {
      // Not each poll has each policy.
      if (random.between(0, 20) < 1) continue;
      const tokens = Math.round(Math.sin(at / 9e6 + i) * 70 + 45 + random.between(-15, 15));
      const category = at > START + (days * DAY * MINUTE) / 2 ? 'D' : 'C';
      events.push(observed(policy, 0, tokens, { category, responseTime: at }));
    }
    const chance = random.between(0, 400);
    const minutes = chance < 1 ? 3_000 : chance < 5 ? random.between(16, 400) : random.between(0.2, 14);
    at += Math.round(minutes * MINUTE);
  }
  return events;
}

async function both(database: Database, log: EventLog): Promise<void> {
  for (const what of ['states', 'rollups'] as const) await live(database, log, what);
}

const tables = async (database: Database, version: number): Promise<unknown[]> => {
  const rows: unknown[] = [];
  for (const table of ['rollup_5m', 'rollup_hours', 'rollup_days', 'rollup_open'])
    rows.push(await database.query(`select * from rollups_v${version}.${table} order by 1, 2, 3`));
  return rows;
};

describe('rollups', () => {
  it('are what the rows of history give, live and rebuilt, with late and repeated observations [ROLL-1]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(polls(12)));
    await both(database, log);
    expect(await expectRollupsEqualHistory(database)).toBeGreaterThan(3_000);

    const { comparison } = await rebuilt(database, log, 'rollups');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(await tables(database, 2)).toEqual(await tables(database, 1));
    await expectRollupsEqualHistory(database);
  });
});
