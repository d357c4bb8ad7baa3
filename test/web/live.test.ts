/** Pages, API and database together: what is committed is seen in the browser. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf } from '../../src/api/api.ts';
import { apiSite } from '../../src/api/routes.ts';
import { FORMS } from '../../src/cli/sites.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { longObservingPool, observingPool } from '../../src/serve/observing.ts';
import { openDatabase } from '../../src/store/database.ts';
import { saveSettings } from '../../src/store/settings.ts';
import { webSite } from '../../src/web/site.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { foldAll, MINUTE, PARTICIPANT, publish, seed } from '../cli/seed.ts';
import { describeBrowser } from '../support/browserSuites.ts';
import { launchChromium } from '../support/chromium.ts';
import { baldeDatabase } from '../support/database.ts';
import { observation } from '../support/observations.ts';
import { serveSites } from './site.ts';

describeBrowser('pages over a real database', async () => {
  const { url, database, log } = await baldeDatabase();
  await saveSettings(database, { rules: DEFAULT_RULES, staleAfterMs: 60 * MINUTE });
  await seed(database, log, Date.now() - MINUTE);
  const watched = openDatabase(observingPool({ url }));
  const studied = openDatabase(longObservingPool({ url }));
  const errors: unknown[] = [];
  const shared = { now: () => Date.now(), rules: DEFAULT_RULES, onError: (error: unknown) => void errors.push(error) };
  const api = apiOf({ ...shared, database: watched, studied, lag: () => null, forms: FORMS });
  const site = await serveSites(apiSite({ ...shared, api }), webSite({ ...shared, source: api }));
  let browser: Awaited<ReturnType<typeof launchChromium>>;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
    await Promise.all([watched.close(), studied.close()]);
  });

  it('[PAGE-23] a commit is on the page without a reload', async () => {
    const page = await browser.newPage({ baseURL: site.url });
    await page.goto('/');
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
    const page = await browser.newPage({ baseURL: site.url });
    await page.goto('/what-if?warning=90&critical=50&span=all');
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
    const page = await browser.newPage({ baseURL: site.url });
    await page.goto(`/buckets/${PARTICIPANT}/FALLING?range=1h`);
    await page.locator('.u-over').first().waitFor();
    expect(await page.locator('.points tbody tr').count()).toBe(5);
    await page.locator('.events a[href^="/alerts/"]').first().click();
    await expect.poll(async () => await page.locator('.deciding').count()).toBe(1);
    expect(errors).toEqual([]);
    await page.close();
  });
});
