/** Pages and API over a database, in a browser. */
import { apiOf } from '../../src/api/api.ts';
import { lagReader } from '../../src/api/lag.ts';
import { apiSite } from '../../src/api/routes.ts';
import { FORMS } from '../../src/cli/sites.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { longObservingPool, observingPool } from '../../src/serve/observing.ts';
import { openDatabase } from '../../src/store/database.ts';
import { webSite } from '../../src/web/site.ts';
import { launchChromium } from '../support/chromium.ts';
import { serveSites } from './site.ts';

export interface PagesOver {
  readonly browser: Awaited<ReturnType<typeof launchChromium>>;
  /** Base of all addresses. */
  readonly baseURL: string;
  /** Defects, of which there should be none. */
  readonly errors: readonly unknown[];
  close(): Promise<void>;
}

/** @param log asked how far the processors are behind */
export async function pagesOver(url: string, log: EventLog): Promise<PagesOver> {
  const watched = openDatabase(observingPool({ url }));
  const studied = openDatabase(longObservingPool({ url }));
  const stop = new AbortController();
  const errors: unknown[] = [];
  const shared = { now: () => Date.now(), rules: DEFAULT_RULES, onError: (error: unknown) => void errors.push(error) };
  const lag = lagReader({ storage: { database: watched, log }, now: shared.now, signal: stop.signal });
  const api = apiOf({ ...shared, database: watched, studied, lag, forms: FORMS });
  const site = await serveSites(apiSite({ ...shared, api }), webSite({ ...shared, source: api }));
  const browser = await launchChromium();
  return {
    ...{ browser, errors, baseURL: site.url },
    close: async () => {
      stop.abort();
      await browser.close();
      await site.close();
      await Promise.all([watched.close(), studied.close()]);
    },
  };
}
