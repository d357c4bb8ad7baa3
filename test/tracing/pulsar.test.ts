/** The same trace over Pulsar: it travels in properties of its messages. */
import { afterAll, test } from 'vitest';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { balde } from '../cli/balde.ts';
import { environmentOf, settingsOf } from '../pulsar/given.ts';
import { emptyDatabase } from '../support/database.ts';
import { startOtlpReceiver } from '../support/otlp.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { expectOneTrace, tell } from './story.ts';

describePulsar('a poll that raises an alert, on Pulsar', () => {
  test('is one trace, from the call of the Bridge to the message that is delivered [TRACE-1]', async () => {
    const { url: serviceUrl, adminUrl } = pulsarBroker();
    const settings = settingsOf({ serviceUrl, adminUrl });
    const { url, database } = await emptyDatabase();
    const environment = { DATABASE_URL: url, ...environmentOf(settings) };
    const { code, stderr } = await balde(['migrate'], environment);
    if (code !== 0) throw new Error(stderr);
    const log = new PulsarLog(settings);
    afterAll(async () => await log.close());
    const receiver = await startOtlpReceiver();
    expectOneTrace(await tell({ environment, database, log }, receiver), 'pulsar');
  }, 150_000);
});
