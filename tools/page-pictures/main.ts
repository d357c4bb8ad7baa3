/**
 * The pictures of the pages: what a folder of `balde demo --seed 7` had observed at a moment of its day, as the pages
 * show it. `main.js <folder> <where the pictures go>`; docs/picture.sh runs it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BrowserContextOptions } from 'playwright-core';
import { apiOf } from '../../src/api/api.ts';
import { apiSite } from '../../src/api/routes.ts';
import { OBSERVING, openForReading } from '../../src/app/storage.ts';
import { FORMS } from '../../src/cli/sites.ts';
import { loadConfig } from '../../src/config/config.ts';
import { required } from '../../src/required.ts';
import type { Site } from '../../src/serve/answer.ts';
import { webSite } from '../../src/web/site.ts';
import { launchChromium } from '../../test/support/chromium.ts';

/** A forecast is open, and nothing is empty yet: 2025-01-01T12:53:00Z. */
const MOMENT = Date.UTC(2025, 0, 1, 12, 53);

const PICTURES: readonly { readonly name: string; readonly path: string; readonly options: BrowserContextOptions }[] = [
  { name: 'page-overview', path: '/', options: { viewport: { width: 1280, height: 860 }, colorScheme: 'light' } },
  {
    name: 'page-bucket',
    path: '/buckets/99999004/CIDS_ENTRIES_READ?range=1h',
    options: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  },
];

const [folder, target] = process.argv.slice(2);
const dataDir = required(folder, 'the folder of the demonstration');
const pictures = required(target, 'where the pictures go');
const config = { ...loadConfig({}, { dataDir, withoutParticipants: true }), databaseUrl: null };
const storage = await openForReading(config, { settings: OBSERVING });
const now = (): number => MOMENT;
const { database } = storage;
const api = apiOf({ database, studied: database, now, rules: config.rules, lag: () => null, forms: FORMS });
/** The moment is the present of these pages. */
const present = <T extends { readonly is_past: boolean }>(answer: T): T => ({ ...answer, is_past: false });
const source = {
  ...api,
  overview: async () => present(await api.overview(MOMENT)),
  bucket: async (asked: Parameters<typeof api.bucket>[0]) => present(await api.bucket({ ...asked, at: MOMENT })),
};
const failed = (error: unknown): never => {
  throw error instanceof Error ? error : new Error(String(error));
};
/** Says what there is, and nothing more. */
const stream: Site = async ({ url }) => {
  if (url.pathname !== '/api/v1/stream') return null;
  const overview = JSON.stringify(await source.overview());
  return {
    begin: (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`event: overview\ndata: ${overview}\n\n`);
    },
  };
};
const sites: readonly Site[] = [
  stream,
  apiSite({ api, now, rules: config.rules, onError: failed }),
  webSite({ source, now, rules: config.rules, onError: failed }),
];

const server = createServer((request, response) => {
  void (async () => {
    const url = new URL(request.url ?? '/', 'http://balde.invalid');
    for (const site of sites) {
      const answer = await site({ method: 'GET', url, headers: request.headers, signal: new AbortController().signal });
      if (answer === null) continue;
      if ('begin' in answer) answer.begin(response);
      else response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body);
      return;
    }
    response.writeHead(204).end();
  })();
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const browser = await launchChromium();
try {
  for (const { name, path, options } of PICTURES) {
    const context = await browser.newContext({ ...options, locale: 'en-GB', timezoneId: 'UTC' });
    const page = await context.newPage();
    // The clock stands still.
    await page.clock.setFixedTime(MOMENT);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    await page.waitForSelector(path === '/' ? '.connection-live' : '.u-over');
    await page.screenshot({ path: join(pictures, `${name}.png`) });
    await context.close();
  }
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
  await storage.close();
}
