/** Pages, API and database together: what is committed is seen in the browser. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import { saveSettings } from '../../src/store/settings.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { foldAll, MINUTE, PARTICIPANT, publish, seed } from '../cli/seed.ts';
import { startKillableServer } from '../faults/server.ts';
import { describeBrowser } from '../support/browserSuites.ts';
import { baldeDatabase } from '../support/database.ts';
import { observation } from '../support/observations.ts';
import { setUp } from '../support/template.ts';
import { pagesOver } from './pagesOver.ts';
import type { PagesOver } from './pagesOver.ts';

const SETTINGS = { rules: DEFAULT_RULES, staleAfterMs: 60 * MINUTE };

describeBrowser('pages over a real database', async () => {
  const { url, database, log } = await baldeDatabase();
  await saveSettings(database, SETTINGS);
  await seed(database, log, Date.now() - MINUTE);
  let pages: PagesOver;
  const opened = async (path: string) => {
    const page = await pages.browser.newPage({ baseURL: pages.baseURL });
    await page.goto(path);
    return page;
  };
  beforeAll(async () => {
    pages = await pagesOver(url, log);
  });
  afterAll(async () => await pages.close());

  it('[PAGE-23] a commit is on the page without a reload', async () => {
    const page = await opened('/');
    await expect.poll(async () => await page.locator('.connection-state').textContent()).toBe('Live');
    const first = page.locator('.buckets tbody tr').first();
    expect(await first.textContent()).toContain('FALLING');
    const fallen = { participant: PARTICIPANT, policy: 'NEWCOMER', availableTokens: -7, responseTime: Date.now() };
    await publish(log, [observation(fallen)], 2_000);
    await foldAll(database, log);
    await expect.poll(async () => await first.textContent(), { timeout: 10_000 }).toContain('NEWCOMER');
    expect(await first.textContent()).toContain('empty: DICT answers 429');
    await page.close();
  });

  it('[PAGE-26] what-if shows what the command prints', async () => {
    const page = await opened('/what-if?warning=90&critical=50&span=all');
    const rows = page.locator('.differences tbody tr');
    await expect.poll(async () => await rows.count()).toBeGreaterThan(0);
    const printed = jsonOf<{ added: unknown[]; gone: unknown[]; summary: { what_if: { alerts: number } } }>(
      await balde(['what-if', '--json', '--warning', '90', '--critical', '50'], { DATABASE_URL: url }),
    );
    const { added, gone, summary } = printed;
    expect(await page.locator('.change-added').first().textContent()).toBe(`${added.length} added`);
    expect(await page.locator('.change-gone').first().textContent()).toBe(`${gone.length} gone`);
    expect(await page.locator('.sides').first().locator('tbody tr').nth(1).locator('td').first().textContent()).toBe(
      String(summary.what_if.alerts),
    );
    await page.close();
  });

  it('[PAGE-24] a bucket and its alert are drawn from what was observed', async () => {
    const page = await opened(`/buckets/${PARTICIPANT}/FALLING?range=1h`);
    await page.locator('.u-over').first().waitFor();
    expect(await page.locator('.points tbody tr').count()).toBe(5);
    await page.locator('.events a[href^="/alerts/"]').first().click();
    await expect.poll(async () => await page.locator('.deciding').count()).toBe(1);
    expect(pages.errors).toEqual([]);
    await page.close();
  });
});

describeBrowser('pages over a database of several participants that is empty at first, and breaks', () => {
  it('[PAGE-18] [PAGE-23] say so, and go on when it is back', { timeout: 120_000 }, async () => {
    const server = await startKillableServer();
    const database = openDatabase({ url: server.url });
    await setUp(server.url, database);
    await saveSettings(database, SETTINGS);
    const log = new EmbeddedLog(database);
    const pages = await pagesOver(server.url, log);
    const page = await pages.browser.newPage({ baseURL: pages.baseURL });
    const rows = page.locator('.buckets tbody tr');
    const stateOf = async () => await page.locator('.connection-state').textContent();
    await page.goto('/');
    expect(await page.locator('.nothing').textContent()).toBe('No bucket has been observed yet.');
    await expect.poll(stateOf).toBe('Live');
    const other = { participant: '87654321', policy: 'CLAIMS_READ' };
    await publish(log, [
      observation({ responseTime: Date.now() }),
      observation({ ...other, responseTime: Date.now() }),
    ]);
    await foldAll(database, log);
    await expect.poll(async () => await rows.count(), { timeout: 10_000 }).toBe(2);
    await server.killPostmaster(async () => {
      await expect.poll(stateOf, { timeout: 15_000 }).toBe('The database does not answer, trying again…');
      const second = await pages.browser.newPage({ baseURL: pages.baseURL });
      expect((await second.goto('/'))?.status()).toBe(503);
      expect(await second.locator('h1').textContent()).toBe('Not available just now');
      await second.close();
    });
    await expect.poll(stateOf, { timeout: 15_000 }).toBe('Live');
    await publish(log, [observation({ ...other, policy: 'REFUNDS_READ', responseTime: Date.now() })], 10);
    await foldAll(database, log);
    await expect.poll(async () => await rows.count(), { timeout: 10_000 }).toBe(3);
    await page.locator('select[name=participant]').selectOption(other.participant);
    expect(await rows.count()).toBe(2);
    expect(pages.errors).toEqual([]);
    await pages.close();
    await log.close();
    await database.close();
    await server.remove();
  });
});
