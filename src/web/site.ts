/** The pages as a part of what is served. */
import type { Answer, Asked, Site } from '../serve/answer.ts';
import { filterOf } from './addresses.ts';
import type { PageData } from './App.tsx';
import { readAssets } from './assets.ts';
import type { Assets } from './assets.ts';
import { documentOf } from './document.tsx';
import { momentOf } from './moments.ts';
import type { PageSource } from './pageSource.ts';
import { chosenCookie, readerOf } from './reader.ts';
import type { Reader } from './reader.ts';

interface Visit {
  readonly asked: Asked;
  readonly reader: Reader;
  /** `null`: now. */
  readonly at: number | null;
}

export function webSite(source: PageSource, assets: Assets = readAssets()): Site {
  const files = new Map([assets.script, assets.style, assets.icon].map(({ path, answer }) => [path, answer]));
  return async (asked) => {
    const file = files.get(asked.url.pathname);
    if (file !== undefined) return file;
    const page = pageAt(asked.url.pathname);
    if (page === null) return null;
    const reader = readerOf(asked.url.searchParams, asked.headers);
    const at = asked.url.searchParams.get('at');
    const visit = { asked, reader, at: at === null ? null : momentOf(at, reader.zone) };
    return html(documentOf(await page(source, visit), assets), asked, reader);
  };
}

type Page = (source: PageSource, visit: Visit) => Promise<PageData>;

function pageAt(path: string): Page | null {
  if (path === '/') return overviewPage;
  return null;
}

const overviewPage: Page = async (source, { asked, reader, at }) => ({
  page: 'overview',
  reader,
  overview: await source.overview(at, asked.signal),
  filter: filterOf(asked.url.searchParams),
});

function html(body: string, { url }: Asked, reader: Reader): Answer {
  const cookie = chosenCookie(url.searchParams, reader);
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    body,
    headers: { 'cache-control': 'no-cache', ...(cookie === null ? {} : { 'set-cookie': cookie }) },
  };
}
