/** The pages as a part of what is served. */
import { problemOf } from '../api/problem.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { Answer, Site } from '../serve/answer.ts';
import type { PageData } from './App.tsx';
import { readAssets } from './assets.ts';
import type { Assets } from './assets.ts';
import { documentOf } from './document.tsx';
import type { PageSource } from './pageSource.ts';
import { chosenCookie, readerOf } from './reader.ts';
import { pageAt } from './routes.ts';
import type { Page, Visit } from './routes.ts';

interface WebOptions {
  readonly source: PageSource;
  readonly now: () => number;
  /** The rules in force. */
  readonly rules: ThresholdRules;
  /** Told of what is a defect. */
  readonly onError: (error: unknown) => void;
  readonly assets?: Assets;
}

/** @throws {Error} the package has not been built */
export function webSite({ source, now, rules, onError, assets = readAssets() }: WebOptions): Site {
  const files = new Map([assets.script, assets.style, assets.icon].map(({ path, answer }) => [path, answer]));
  return async (asked) => {
    const { pathname, searchParams: query } = asked.url;
    const file = files.get(pathname);
    if (file !== undefined) return file;
    const segments = pathname.split('/').slice(1).map(decodeURIComponent);
    const page = pageAt(segments);
    if (page === null) return null;
    const visit = { asked, query, reader: readerOf(query, asked.headers), segments, now: now(), rules };
    const { data, status } = await drawn(page, source, visit, onError);
    return html(status, documentFor(data, `${pathname}?${query}`, assets), visit);
  };
}

/** Of an answer that many get: the page of each address and reader, drawn once, and so compressed once. */
const DRAWN = new WeakMap<object, Map<string, Buffer>>();

function documentFor(data: PageData, address: string, assets: Assets): Buffer | string {
  if (data.page !== 'overview') return documentOf(data, assets);
  const pages = DRAWN.get(data.overview) ?? new Map<string, Buffer>();
  DRAWN.set(data.overview, pages);
  const key = JSON.stringify([address, data.reader, data.isSignedIn]);
  const page = pages.get(key) ?? Buffer.from(documentOf(data, assets));
  if (pages.size < MOST_PAGES) pages.set(key, page);
  return page;
}

/** Of one answer: filters and readers differ. */
const MOST_PAGES = 50;

interface Drawn {
  readonly data: PageData;
  readonly status: number;
}

async function drawn(page: Page, source: PageSource, visit: Visit, onError: (error: unknown) => void): Promise<Drawn> {
  try {
    return { data: { ...(await page(source, visit)), isSignedIn: visit.asked.signedIn === true }, status: 200 };
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status === 500 && !visit.asked.signal.aborted) onError(error);
    const { pathname, search } = visit.asked.url;
    return {
      data: { page: 'problem', reader: visit.reader, problem, address: `${pathname}${search}` },
      status: problem.status,
    };
  }
}

function html(status: number, body: string | Buffer, { query, reader }: Visit): Answer {
  const cookie = chosenCookie(query, reader);
  return {
    status,
    type: 'text/html; charset=utf-8',
    body,
    headers: { 'cache-control': 'private, no-cache', ...(cookie === null ? {} : { 'set-cookie': cookie }) },
  };
}
