/** The pages in a real browser, over answers that need no database. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, BrowserContextOptions, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { webSite } from '../../src/web/site.ts';
import { describeBrowser } from '../support/browserSuites.ts';
import { launchChromium } from '../support/chromium.ts';
import { fakeApi } from './api.ts';
import type { FakeApi } from './api.ts';
import { alert, bucket, calls, NOW, overview } from './fixtures.ts';
import { serveSites } from './site.ts';
import type { ServedSite } from './site.ts';

const BUCKET = '/buckets/12345678/CIDS_ENTRIES_READ';
const PAGES = {
  overview: '/',
  past: '/?at=2026-03-02T15:00:00Z',
  bucket: BUCKET,
  alert: `/alerts/${alert(0, null).id}`,
  'what-if': '/what-if?warning=25&critical=12.5',
  category: '/what-if?category=D',
  categories: '/what-if?category=all',
  login: '/login?refused=wrong',
  problem: '/?at=2027-01-01T00:00:00Z',
} as const;
const HOUR = 3_600_000;
const PHONE = { width: 360, height: 740 };

describeBrowser('the pages in a browser', () => {
  let browser: Browser;
  let api: FakeApi;
  let site: ServedSite;
  let context: BrowserContext;
  /** What no page may do. */
  let wrong: string[];

  beforeAll(async () => {
    browser = await launchChromium();
    api = fakeApi();
    const options = { source: api.source, now: () => Date.parse(NOW), rules: DEFAULT_RULES };
    site = await serveSites(api.site, webSite({ ...options, onError: (error) => wrong.push(String(error)) }));
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });
  beforeEach(() => {
    wrong = [];
    api.asked.length = 0;
  });

  async function opened(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    context = await browser.newContext({ baseURL: site.url, viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.on('console', (message) => {
      // A page that is a problem has the status of one.
      if (message.type() === 'error' && !path.startsWith(PAGES.problem)) wrong.push(message.text());
    });
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(site.url)) wrong.push(request.url());
    });
    await page.goto(path);
    return page;
  }

  const widest = async (page: Page): Promise<number> =>
    await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  it.each(Object.entries(PAGES))(
    '[PAGE-20] [PAGE-21] %s: axe finds nothing in either theme, no error, no other host, no wider than a phone',
    async (_, path) => {
      for (const options of [
        { colorScheme: 'light', locale: 'en-GB' },
        { colorScheme: 'dark', locale: 'pt-BR' },
      ] as const) {
        const page = await opened(path, options);
        await page.waitForSelector('html.scripted');
        const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
        expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
        expect(await page.getAttribute('html', 'lang')).toBe(options.locale === 'pt-BR' ? 'pt-BR' : 'en');
        await page.setViewportSize(PHONE);
        if (path.startsWith('/what-if')) await page.waitForSelector('.trial-result section');
        // A chart takes its new width once it has seen it.
        await expect.poll(async () => await widest(page)).toBe(0);
        await context.close();
      }
      expect(wrong).toEqual([]);
    },
  );

  it('[PAGE-21] every page reads without scripts', async () => {
    const page = await opened('/', { viewport: PHONE, javaScriptEnabled: false });
    for (const path of Object.values(PAGES)) {
      await page.goto(path);
      expect(await page.locator('h1').count()).toBe(1);
      await expect.poll(async () => await widest(page)).toBe(0);
    }
    await context.close();
  });

  it('[PAGE-22] a filter shows at once what fits, and stands in the address', async () => {
    const page = await opened('/');
    const rows = page.locator('.buckets tbody tr');
    expect(await rows.count()).toBe(9);
    await page.getByRole('searchbox').fill('write entries');
    await expect.poll(async () => await rows.count()).toBe(2);
    await page.locator('select[name=participant]').selectOption('87654321');
    await expect.poll(async () => await rows.count()).toBe(1);
    expect(new URL(page.url()).search).toBe('?participant=87654321&q=write+entries');
    await context.close();
    // The address alone says the same, without scripts.
    const plain = await opened('/?level=STALE', { javaScriptEnabled: false });
    expect(await plain.locator('.buckets tbody tr').count()).toBe(1);
    expect(await plain.locator('.buckets tbody tr').textContent()).toContain('silent for');
    await context.close();
  });

  it('[PAGE-23] what changes is shown and said without a reload; a connection that broke is told, and comes back', async () => {
    const page = await opened('/');
    const state = page.locator('.connection-state');
    await expect.poll(async () => await state.textContent()).toBe('Live');
    const { buckets, ...rest } = overview();
    const { sparkline: _, ...known } = bucket(5);
    const fallen = { ...known, health_status: 'CRITICAL' as const, remaining_percent: 3 };
    api.send('change', {
      ...rest,
      buckets: [fallen],
      gone: [bucket(7)],
      order: [fallen, ...buckets.filter(({ endpoint_id }) => !['REFUNDS_READ', 'POLICIES_LIST'].includes(endpoint_id))],
    });
    const first = page.locator('.buckets tbody tr').first();
    await expect.poll(async () => await first.textContent()).toContain('REFUNDS_READ');
    expect(await first.textContent()).toContain('CRITICAL');
    // The sparkline that the change left out stays.
    expect(await first.locator('.spark-line').getAttribute('d')).not.toBe('');
    expect(await page.locator('.buckets tbody tr').count()).toBe(8);
    await expect
      .poll(async () => await page.locator('[aria-live=polite]').textContent())
      .toBe('REFUNDS_READ is CRITICAL: 3.0\u00a0% left');
    api.send('problem', { type: 'about:blank', title: 'Service Unavailable', status: 503, detail: 'away' });
    await expect.poll(async () => await state.textContent()).toBe('The database does not answer, trying again…');
    for (const stream of api.streams) stream.destroy();
    await expect.poll(async () => await state.textContent()).toBe('Connection lost, trying again…');
    await expect.poll(async () => await state.textContent(), { timeout: 10_000 }).toBe('Live');
    // Latest state wins: the whole overview came again.
    await expect.poll(async () => await page.locator('.buckets tbody tr').count()).toBe(9);
    await context.close();
  });

  it('[PAGE-24] a chart is moved and zoomed by mouse and keys; the range stands in the address, and is asked for', async () => {
    const page = await opened(`${BUCKET}?range=6h`);
    const surface = page.locator('.u-over').first();
    await surface.waitFor();
    const box = (await surface.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    await page.mouse.move(box.x + box.width / 4, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 90, { steps: 4 });
    await page.mouse.up();
    const span = (): number => {
      const { searchParams } = new URL(page.url());
      return Date.parse(searchParams.get('to') ?? '') - Date.parse(searchParams.get('from') ?? '');
    };
    await expect.poll(() => span() / 3_600_000).toBeCloseTo(1.5, 1);
    await expect.poll(() => api.asked.at(-1)).toContain(`/api/v1${BUCKET}?from=`);
    const zoomed = span();
    await page.locator('.chart-host').press('-');
    await expect.poll(() => Math.abs(span() - zoomed / 0.7) < 1_000).toBe(true);
    await page.locator('.chart-host').press('Home');
    await expect.poll(() => new URL(page.url()).search).toBe('?range=6h');
    expect(wrong).toEqual([]);
    await context.close();
  });

  it('[PAGE-24] a chart is moved by a finger and zoomed by two; what comes meanwhile takes nothing back', async () => {
    const page = await opened(`${BUCKET}?range=6h`, { hasTouch: true, isMobile: true, viewport: PHONE });
    const asked = new Promise<Route>((resolve) => void page.route('**/api/v1/buckets/**', resolve, { times: 1 }));
    const surface = page.locator('.u-over').first();
    await surface.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await surface.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const fingers = await page.context().newCDPSession(page);
    const touch = async (type: 'touchStart' | 'touchMove' | 'touchEnd', ...shares: number[]) =>
      await fingers.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: shares.map((share, id) => ({ id, x: x + width * share, y: y + height / 2 })),
      });
    const query = (name: string): number => Date.parse(new URL(page.url()).searchParams.get(name) ?? '');
    await touch('touchStart', 0.3);
    for (const share of [0.4, 0.5, 0.6, 0.7, 0.8]) await touch('touchMove', share);
    await touch('touchEnd');
    await expect.poll(() => (query('to') - query('from')) / HOUR).toBeCloseTo(6, 1);
    // Half of the width was between where the finger came down and where it went up: what was there came along.
    expect((Date.parse(NOW) - query('to')) / HOUR).toBeCloseTo(3, 0);
    const answer = await asked;
    await touch('touchStart', 0.4, 0.6);
    for (const by of [0.05, 0.1]) await touch('touchMove', 0.4 - by, 0.6 + by);
    await Promise.all([page.waitForResponse(/\/api\/v1\/buckets\//), answer.continue()]);
    for (const by of [0.15, 0.2]) await touch('touchMove', 0.4 - by, 0.6 + by);
    await touch('touchEnd');
    await expect.poll(() => (query('to') - query('from')) / HOUR).toBeCloseTo(2, 0);
    expect(wrong).toEqual([]);
    await context.close();
  });

  it('[CALLS-5] the overview tells the 404 rate of a bucket, and what nobody reported', async () => {
    const page = await opened('/', { locale: 'en-GB' });
    const notes = await page.locator('.buckets tbody tr').evaluateAll((rows) =>
      rows.slice(0, 4).map((row) =>
        [...row.querySelectorAll('.cell-use small')].slice(1).map((note) => ({
          text: note.textContent.replaceAll('\u00a0', ' '),
          isDanger: note.classList.contains('danger'),
        })),
      ),
    );
    expect(notes).toEqual([
      [],
      [
        { text: '404: 9.3 %', isDanger: true },
        { text: '1,234+ unexplained', isDanger: true },
      ],
      [{ text: '404: 5.0 %', isDanger: false }],
      // Of forty queries no rate is told.
      [],
    ]);
    await context.close();
  });

  it('[CALLS-5] a bucket tells what found nothing, who used the tokens and what nobody reported, and keeps its place', async () => {
    const page = await opened(BUCKET);
    const section = page.locator('.calls');
    const text = async (): Promise<string> => (await section.innerText()).replaceAll('\u00a0', ' ');
    expect(await text()).toContain('404 rate in 24 h');
    expect(await text()).toContain('5.0 % of 8,000 queries');
    expect(await text()).toContain('at least 1,234 tokens');
    expect(await text()).toContain('Another system calls DICT');
    const rows = await section.locator('tbody tr').allInnerTexts();
    expect(rows.map((row) => row.split('\t').slice(0, 3).join(' '))).toEqual([
      'reconciliation-batch getEntry 71\u00a0%',
      'pix-app getEntry 24\u00a0%',
      'pix-api checkKeys 5.0\u00a0%',
    ]);
    await expect.poll(async () => await page.locator('.connection-state').textContent()).toBe('Live');
    await page.locator('.u-over').first().waitFor();
    const places = async () =>
      await page
        .locator('main section, main h2')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
    const before = await places();
    api.told.calls = calls(7_654);
    const { buckets, ...rest } = overview();
    api.send('change', { ...rest, buckets: [bucket(0)], gone: [], order: buckets });
    await expect.poll(text, { timeout: 10_000 }).toContain('at least 7,654 tokens');
    expect(await places()).toEqual(before);
    // What is not there yet is told of, and comes without a reload.
    api.told.calls = { ...calls(), unexplained: null, readings: [], is_proof_pending: true };
    await page.goto(BUCKET);
    expect(await text()).toContain('being worked out…');
    api.told.calls = calls(8_765);
    await expect.poll(text, { timeout: 10_000 }).toContain('at least 8,765 tokens');
    // Nobody reports calls: nothing is said of them.
    api.told.calls = null;
    await page.goto(BUCKET);
    expect(await section.count()).toBe(0);
    api.told.calls = calls();
    await page.goto(`${BUCKET}?at=2026-03-02T14:00:00Z&lang=pt-BR`);
    expect(await text()).toContain('Inclui o que foi informado depois sobre aquele tempo.');
    expect(wrong).toEqual([]);
    await context.close();
  });

  it('[CALLS-7] an alert tells who drained the bucket, and whose report is not whole', async () => {
    const page = await opened(PAGES.alert, { javaScriptEnabled: false });
    const text = (await page.locator('.calls').innerText()).replaceAll('\u00a0', ' ');
    expect(text).toContain('reconciliation-batch 71 % · pix-app 24 % · pix-api 5.0 %');
    expect(text).toContain('The reported calls cost 10,000 tokens; at least 9,900 were consumed, about 10,200');
    expect(text).toContain('Not all is reported of that time, so shares may change: pix-api.');
    await context.close();
  });

  it('[PAGE-25] the time machine shows a moment of the reader’s zone, says so, and goes on from it', async () => {
    const page = await opened('/?lang=pt-BR&zone=America/Sao_Paulo&at=2026-03-02T11:00');
    await expect
      .poll(async () => await page.locator('.past-banner').textContent())
      .toContain('Estado em 02/03/2026 11:00:00 BRT, calculado agora');
    expect(await page.locator('.connection').textContent()).toContain('Momento passado');
    await page.getByRole('button', { name: 'Um passo à frente' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('at')).toBe('2026-03-02T14:01:00.000Z');
    expect(api.asked).toEqual(['/api/v1/overview?at=2026-03-02T14:01:00.000Z']);
    // A bucket goes on the same way, with its range.
    await page.goto(`${BUCKET}?range=1h&at=2026-03-02T14:00:00Z`);
    await page.getByRole('button', { name: 'Avançar' }).click();
    await expect.poll(() => api.asked.length, { timeout: 10_000 }).toBeGreaterThan(2);
    await page.getByRole('button', { name: 'Pausar' }).click();
    expect(api.asked[1]).toBe(
      `/api/v1${BUCKET}?from=2026-03-02T13%3A01%3A00.000Z&to=2026-03-02T14%3A01%3A00.000Z&at=2026-03-02T14%3A01%3A00.000Z`,
    );
    const { searchParams } = new URL(page.url());
    expect(searchParams.get('range')).toBe('1h');
    expect(Date.parse(searchParams.get('at') ?? '')).toBeGreaterThanOrEqual(Date.parse('2026-03-02T14:02:00Z'));
    // The choices of the address are kept.
    await page.goto('/');
    expect(await page.getAttribute('html', 'lang')).toBe('pt-BR');
    await context.close();
  });

  it('[PAGE-26] what-if answers while somebody drags; the address holds the rules, and what puts them into force', async () => {
    const page = await opened('/what-if');
    await page.locator('.sides').first().waitFor();
    await page.getByRole('slider', { name: /WARNING at/ }).fill('30');
    await expect.poll(() => api.asked.at(-1)).toContain('/api/v1/what-if?warning=30&critical=10&margin=0&for=1&from=');
    expect(new URL(page.url()).search).toBe('?warning=30&critical=10&margin=0&for=1&span=7d');
    expect(await page.locator('pre').textContent()).toBe('WARNING_PERCENT=30');
    expect(await page.locator('.differences tbody tr').count()).toBe(3);
    await page.getByRole('slider', { name: /Forecasts look ahead/ }).fill('10');
    await expect.poll(() => api.asked.at(-1)).toContain('&horizon=10m');
    expect(await page.locator('pre').textContent()).toBe('WARNING_PERCENT=30\nFORECAST_HORIZON=10m');
    await page.locator('select[name=every]').selectOption('5m');
    await expect.poll(() => api.asked.at(-1)).toContain('&every=5m');
    await page.getByRole('slider', { name: /CRITICAL at/ }).fill('40');
    await expect
      .poll(async () => await page.getByRole('alert').textContent())
      .toBe('CRITICAL has to be below WARNING.');
    await context.close();
  });

  it('[PAGE-30] a session that ends leads to the login form, and from there back', async () => {
    const page = await opened('/?level=STALE');
    await expect.poll(async () => await page.locator('.connection-state').textContent()).toBe('Live');
    const trial = await page.context().newPage();
    await trial.goto('/what-if');
    await trial.locator('.sides').first().waitFor();
    api.signOut();
    for (const stream of api.streams) stream.destroy();
    await page.waitForURL('**/login?next=%2F%3Flevel%3DSTALE');
    expect(await page.locator('input[name=next]').inputValue()).toBe('/?level=STALE');
    await trial.getByRole('slider', { name: /WARNING at/ }).fill('30');
    await trial.waitForURL('**/login?next=%2Fwhat-if*');
    api.signIn();
    await context.close();
  });
});
