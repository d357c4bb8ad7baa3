/** `/api/v1`: which question an address asks. */
import type { EpochMs } from '../domain/events.ts';
import type { Answer, Asked, Site, StreamedAnswer } from '../serve/answer.ts';
import type { Api } from './api.ts';
import { momentOf, parametersOf, rangeOf, timeOf } from './asked.ts';
import { NotFoundError, problemAnswer, problemOf } from './problem.ts';

export const API = '/api/v1';

interface Question extends Asked {
  readonly api: Api;
  readonly now: () => EpochMs;
  /** Of the path, below {@link API}, decoded. */
  readonly segments: readonly string[];
}

type Route = (question: Question) => Promise<Answer | StreamedAnswer>;

interface SiteOptions {
  readonly api: Api;
  readonly now: () => EpochMs;
  /** Told of what is a defect. */
  readonly onError: (error: unknown) => void;
}

/** Every path below {@link API} is its own. */
export const apiSite =
  ({ api, now, onError }: SiteOptions): Site =>
  async (asked) => {
    const { pathname } = asked.url;
    if (pathname !== '/api' && !pathname.startsWith('/api/')) return null;
    try {
      const segments = segmentsOf(pathname);
      return await routeOf(segments)({ ...asked, api, now, segments });
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 500) onError(error);
      return problemAnswer(problem);
    }
  };

/** @throws {NotFoundError} the path is none of the API's, or no text */
function segmentsOf(pathname: string): string[] {
  if (!pathname.startsWith(`${API}/`))
    throw new NotFoundError(`the API is at ${API}/: ${API}/openapi.json describes it`);
  try {
    const segments = pathname
      .slice(API.length + 1)
      .split('/')
      .map(decodeURIComponent);
    if (segments.every((segment) => segment !== '' && !segment.includes('\0'))) return segments;
  } catch {
    // A sequence of bytes that is no text: nothing has such a name.
  }
  throw unknown(pathname);
}

const unknown = (pathname: string): NotFoundError =>
  new NotFoundError(`there is nothing at ${pathname.slice(0, 200)}: ${API}/openapi.json lists what there is`);

const overview: Route = async ({ api, url, now }) => {
  const { at } = parametersOf(url, ['at']);
  return json(await api.overview(momentOf(at, now())));
};

const bucket: Route = async ({ api, url, now, segments: [, participant = '', policy = ''] }) => {
  const { from, to, at: moment } = parametersOf(url, ['from', 'to', 'at']);
  const at = momentOf(moment, now());
  const range = rangeOf(timeOf('from', from), timeOf('to', to), at === null ? now() : at + 1);
  return json(await api.bucket({ participant, policy, ...range, at }));
};

/** By the first segment and how many there are. */
const ROUTES: Readonly<Record<string, Route>> = {
  'overview 1': overview,
  'buckets 3': bucket,
};

function routeOf(segments: readonly string[]): Route {
  const [first = ''] = segments;
  const route = Object.entries(ROUTES).find(([name]) => name === `${first} ${segments.length}`)?.[1];
  if (route === undefined) throw unknown(`${API}/${segments.join('/')}`);
  return route;
}

/** Whoever keeps it asks whether it is still so. */
const json = (value: object): Answer => ({
  status: 200,
  type: 'application/json',
  body: JSON.stringify(value),
  headers: { 'cache-control': 'no-cache' },
});
