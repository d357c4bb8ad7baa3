import { describe, expect, it } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { tail } from '../../src/consume/tail.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { observed } from '../support/observations.ts';
import { publish } from '../support/topics.ts';

const poison = { key: '12345678:A', payload: Buffer.from('x'), properties: {}, eventTime: 0, sequenceId: 0 };

const traces = async (database: Awaited<ReturnType<typeof baldeDatabase>>['database']) =>
  await database.query(`select name from balde_log.lease union all select subscription from balde_log.cursor`);

describe('whoever only watches', () => {
  it('sees what is published from now on, passes over what is no event, and leaves nothing behind', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [observed('A', 0, 1)]);
    const [seen, abort] = [new Set<number>(), new AbortController()];
    const watching = tail(log, POLICY_STATES, ({ availableTokens }) => seen.add(availableTokens), abort.signal);
    let n = 0;
    await eventually('the first event after the start', async () => {
      n += 1;
      await publish(log, [poison, observed('A', n, 100 + n)]);
      return seen.size > 0;
    });
    await publish(log, [poison, observed('B', 0, 7)]);
    await eventually('the last event', async () => Promise.resolve(seen.has(7)));
    abort.abort();
    await watching;
    expect(seen.has(1)).toBe(false);
    expect(await traces(database)).toEqual([]);
  });

  it('goes on after an outage with what came meanwhile', async () => {
    const { database, log, url } = await baldeDatabase();
    const own = openDatabase({ url, applicationName: 'victim' });
    const ownLog = new EmbeddedLog(own);
    const [seen, abort] = [new Set<number>(), new AbortController()];
    const watching = tail(ownLog, POLICY_STATES, ({ availableTokens }) => seen.add(availableTokens), abort.signal);
    let n = 0;
    await eventually('an event', async () => {
      n += 1;
      await publish(log, [observed('A', n, 100 + n)]);
      return seen.size > 0;
    });
    for (let i = 0; i < 5; i += 1) {
      await database.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`);
      await publish(log, [observed('B', i, i)]);
    }
    await eventually('all events', async () => Promise.resolve([0, 1, 2, 3, 4].every((i) => seen.has(i))));
    abort.abort();
    await watching;
    await ownLog.close();
    await own.close();
  });
});
