/** What /metrics says of a log on Pulsar, asked through the brokers. */
import { afterAll, expect, test } from 'vitest';
import { lagSample, outboxSample } from '../../src/app/samples.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { seriesOf } from '../serve/expositions.ts';
import { emptyDatabase } from '../support/database.ts';
import { settle } from '../support/deadLetters.ts';
import { eventually } from '../support/eventually.ts';
import { MINUTE, observed, outgoing, START } from '../support/observations.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { publish } from '../support/topics.ts';
import { environmentOf, settingsOf } from './given.ts';

describePulsar('[MET-3] on Pulsar', () => {
  test('lag is what balde lag says, before and after everything is read', { timeout: 150_000 }, async () => {
    const { url: serviceUrl, adminUrl } = pulsarBroker();
    const settings = settingsOf({ serviceUrl, adminUrl, namespace: `metrics-${Date.now()}` });
    const { url, database } = await emptyDatabase();
    const environment = { DATABASE_URL: url, ...environmentOf(settings) };
    expect((await balde(['migrate'], environment)).code).toBe(0);
    const log = new PulsarLog(settings);
    afterAll(async () => await log.close());
    const now = (): number => START + 60 * MINUTE;
    const series = async () => {
      const samples = [lagSample({ database, log, now }), outboxSample(database, now)];
      const metrics = new Metrics({ sql: database, now, staleAfterMs: MINUTE, samples });
      // A scrape does not wait for the brokers: what it did not get the next one has.
      return await eventually('a scrape has the lag', async () => {
        const found = seriesOf(await metrics.scrape());
        return [...found.keys()].some((key) => key.startsWith('balde_lag_events')) ? found : null;
      });
    };
    const lagOf = async (): Promise<number> => {
      const { folds } = jsonOf<{ folds: { fold: string; events_behind: number }[] }>(
        await balde(['lag', '--json'], environment),
      );
      return folds.filter(({ fold }) => fold === 'states').reduce((sum, { events_behind: n }) => sum + n, 0);
    };

    await publish(
      log,
      [0, 5].flatMap((minute) => ['A', 'B', 'C'].map((p) => outgoing(observed(p, minute, 90)))),
    );
    const behind = await series();
    expect(behind.get('balde_lag_events{processor="states",version="1"}')).toBe(6);
    expect(await lagOf()).toBe(6);
    expect(behind.get('balde_lag_seconds{processor="states",version="1"}')).toBe(3_600);

    await settle(database, log);
    const read = await series();
    for (const processor of ['states', 'alerting', 'alerts']) {
      expect(read.get(`balde_lag_events{processor="${processor}",version="1"}`)).toBe(0);
      expect(read.get(`balde_lag_seconds{processor="${processor}",version="1"}`)).toBe(0);
    }
    expect(await lagOf()).toBe(0);
  });
});
