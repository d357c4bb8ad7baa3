/** Alerts about calls on Pulsar: reported, judged by several at once, and taken to the topic by relays in turn. */
import { afterAll, expect, it } from 'vitest';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import { called, sent, told } from '../calls/judged.ts';
import { baldeDatabase } from '../support/database.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { never } from '../support/topics.ts';
import { settingsOf } from './given.ts';

describePulsar('alerts about calls, on Pulsar [CALLS-15, CALLS-16]', () => {
  const { url: serviceUrl, adminUrl } = pulsarBroker();
  const log = new PulsarLog(settingsOf({ serviceUrl, adminUrl }));
  afterAll(async () => await log.close());

  it('come to the topic once, the end after the beginning', async () => {
    const { database } = await baldeDatabase();
    for (const topic of TOPICS) await log.ensureTopic(topic);
    const { judge, report, pass } = await called({ database, log });
    const judged = async () => await Promise.all(Array.from({ length: 4 }, async () => await judge().round(never)));
    await report({ status200: 900, status404: 100 });
    await judged();
    expect(told(await sent(database, log))).toEqual(['NOT_FOUND_RATE ABOVE_LEVEL 10']);
    pass(1);
    await report({ status200: 1_000, status404: 0, revision: 1 });
    await judged();
    await judged();
    const events = await sent(database, log);
    expect(told(events)).toEqual(['NOT_FOUND_RATE ABOVE_LEVEL 10', 'NOT_FOUND_RATE RECOVERED 0']);
    expect(new Set(events.map((event) => ('alertId' in event ? event.alertId : null))).size).toBe(1);
  }, 120_000);
});
