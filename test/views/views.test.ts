/** What Grafana and others read: freshness, order, and the cost of the latest states. */
import { describe, expect, it } from 'vitest';
import { saveSettings } from '../../src/store/settings.ts';
import { observed } from '../support/observations.ts';
import { states, takeAll } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';

const STALE_AFTER_MS = 900_000;

/** Buckets `[name, tokens of 100, age in milliseconds]`, folded into the tables. */
async function given(...buckets: readonly (readonly [string, number, number])[]) {
  const { database, log } = await baldeDatabase();
  await saveSettings(database, {
    rules: { warningPercent: 20, criticalPercent: 10 },
    staleAfterMs: STALE_AFTER_MS,
  });
  const now = Date.now();
  await publish(
    log,
    buckets.map(([policy, tokens, age]) =>
      observed(policy, 0, tokens, { responseTime: now - age, observedAt: now - age }),
    ),
  );
  const processor = states(database);
  await takeAll(processor);
  await processor.process(await policyStates(log));
  return { database, log, processor };
}

describe('the latest states [VIEW-3]', () => {
  it('are judged when they are read: stale once they are old, whatever they said; the worst come first', async () => {
    const { database } = await given(
      ['FINE', 80, 0],
      ['OLD', 5, STALE_AFTER_MS * 2],
      ['LOW', 20, 0],
      ['EMPTY', 10, 0],
      ['DEBT', -15, 0],
    );
    const rows = await database.query<{ endpoint_id: string; health_status: string }>(
      'select endpoint_id, health_status from v_dict_rate_limit_latest_states',
    );
    expect(rows.map((row) => `${row.endpoint_id} ${row.health_status}`)).toEqual([
      'DEBT CRITICAL',
      'EMPTY CRITICAL',
      'LOW WARNING',
      'OLD STALE',
      'FINE OK',
    ]);
  });

  it('become stale by the passing of time alone', async () => {
    const { database } = await given(['QUIET', 50, 60_000]);
    const status = async () => await database.query('select health_status from v_dict_rate_limit_latest_states');
    expect(await status()).toEqual([{ health_status: 'OK' }]);
    await database.execute('update balde.setting set stale_after_seconds = 30');
    expect(await status()).toEqual([{ health_status: 'STALE' }]);
  });

  it('never touch history', async () => {
    const { database } = await given(['A', 50, 0]);
    const plan = await database.query<{ 'QUERY PLAN': string }>(
      'explain (verbose) select * from v_dict_rate_limit_latest_states',
    );
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('states_v1.latest');
    expect(text).not.toContain('history');
  });
});

describe('the states of a fold [FOLD-8]', () => {
  it('are written only for the keys of the batch that changed', async () => {
    const { database, log, processor } = await given(['A', 50, 60_000], ['B', 60, 60_000], ['C', 70, 60_000]);
    const versions = async (): Promise<ReadonlyMap<string, string>> => {
      const rows = await database.query<{ key: string; xmin: string }>(
        'select key, xmin::text from states_v1.fold_state',
      );
      return new Map(rows.map(({ key, xmin }) => [key.slice(-1), xmin]));
    };
    const before = await versions();
    const newer = Date.now();
    const older = newer - 3_600_000;
    await publish(log, [
      observed('A', 0, 40, { responseTime: newer, observedAt: newer }),
      observed('B', 0, 40, { responseTime: older, observedAt: older }),
    ]);
    await processor.process(await policyStates(log));
    const after = await versions();
    expect(after.get('A')).not.toBe(before.get('A'));
    expect([after.get('B'), after.get('C')]).toEqual([before.get('B'), before.get('C')]);
  });
});
