/** The page and its API where the log is on Pulsar: all but the lag is asked of the database. */
import { expect, test } from 'vitest';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { balde } from '../cli/balde.ts';
import { foldAll, MINUTE, publish, seed } from '../cli/seed.ts';
import { emptyDatabase } from '../support/database.ts';
import { observation } from '../support/observations.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { isWithoutBrowser } from '../support/browserSuites.ts';
import { pagesOver } from '../web/pagesOver.ts';
import { environmentOf, settingsOf } from './given.ts';

describePulsar('the page on Pulsar', () => {
  const testInBrowser = isWithoutBrowser ? test.skip : test;
  testInBrowser('[PAGE-23] shows what is committed, and the lag of the brokers', { timeout: 150_000 }, async () => {
    const { url: serviceUrl, adminUrl } = pulsarBroker();
    const settings = settingsOf({ serviceUrl, adminUrl, namespace: `page-${Date.now()}` });
    const { url, database } = await emptyDatabase();
    expect((await balde(['migrate'], { DATABASE_URL: url, ...environmentOf(settings) })).code).toBe(0);
    const log = new PulsarLog(settings);
    await seed(database, log, Date.now() - MINUTE);
    const pages = await pagesOver(url, log);
    const page = await pages.browser.newPage({ baseURL: pages.baseURL });
    await page.goto('/');
    const facts = page.locator('.facts').last();
    await expect.poll(async () => await facts.textContent(), { timeout: 30_000 }).toContain('caught up');
    await publish(log, [observation({ policy: 'NEWCOMER', availableTokens: -7, responseTime: Date.now() })], 2_000);
    await foldAll(database, log);
    const first = page.locator('.buckets tbody tr').first();
    await expect.poll(async () => await first.textContent(), { timeout: 10_000 }).toContain('NEWCOMER');
    const { alerts } = (await (await fetch(`${pages.baseURL}/api/v1/alerts?policy=NEWCOMER`)).json()) as {
      alerts: { severity: string }[];
    };
    expect(alerts.map(({ severity }) => severity)).toEqual(['CRITICAL']);
    expect(pages.errors).toEqual([]);
    await pages.close();
    await log.close();
  });
});
