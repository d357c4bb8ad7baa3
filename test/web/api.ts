/** An API that answers from fixtures, and a stream that a test writes to. */
import type { ServerResponse } from 'node:http';
import type { CallsAnswer, Overview, OverviewChange, Problem } from '../../src/api/answers.ts';
import type { BucketAsked } from '../../src/api/bucket.ts';
import { whatIfAsked } from '../../src/api/whatIf.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { Site } from '../../src/serve/answer.ts';
import type { PageSource } from '../../src/web/pageSource.ts';
import { alertAnswer, bucketAnswer, calls, NOW, overview } from './fixtures.ts';
import { categoriesRanked, categoryTried, compared } from './trials.ts';

export interface FakeApi {
  readonly source: PageSource;
  readonly site: Site;
  /** What was asked of the API, newest last: path and query. */
  readonly asked: string[];
  /** Streams that are open. */
  readonly streams: Set<ServerResponse>;
  /** From now on nobody is signed in. */
  signOut(): void;
  signIn(): void;
  readonly told: { calls: CallsAnswer | null };
  send(event: 'overview' | 'change' | 'problem', data: Overview | OverviewChange | Problem): void;
}

/** What bucket pages tell of calls from now on. */
const told: { calls: CallsAnswer | null } = { calls: calls() };

const past = (at: number | null) => (at === null ? {} : { as_of: new Date(at).toISOString(), is_past: true });

const source: PageSource = {
  overview: async (at) => await Promise.resolve(overview({ ...past(at), ...(at === null ? {} : { pipeline: null }) })),
  alert: async () => await Promise.resolve(alertAnswer),
  whatIf: async ({ category }) =>
    await Promise.resolve(category === null ? compared : category === 'all' ? categoriesRanked : categoryTried),
  bucket: async ({ from, to, at }: BucketAsked) =>
    await Promise.resolve(
      bucketAnswer({
        ...{ ...past(at), calls: told.calls },
        ...{ from: new Date(from).toISOString(), to: new Date(to).toISOString() },
      }),
    ),
};

export function fakeApi(): FakeApi {
  const asked: string[] = [];
  const streams = new Set<ServerResponse>();
  let isSignedIn = true;
  const text = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  return {
    source,
    asked,
    streams,
    told,
    signOut: () => (isSignedIn = false),
    signIn: () => (isSignedIn = true),
    send: (event, data) => streams.forEach((stream) => stream.write(text(event, data))),
    site: async ({ url }) => {
      if (!url.pathname.startsWith('/api/v1/')) return null;
      if (!isSignedIn) return { status: 401, type: 'application/problem+json', body: '{}' };
      asked.push(url.pathname + url.search);
      const [what, participant = '', policy = ''] = url.pathname.slice('/api/v1/'.length).split('/');
      const time = (name: string): number | null => {
        const at = url.searchParams.get(name);
        return at === null ? null : Date.parse(at);
      };
      if (what === 'stream')
        return {
          begin: (response) => {
            streams.add(response);
            response.on('close', () => streams.delete(response));
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            response.write(`retry: 200\n\n${text('overview', overview())}`);
          },
        };
      const answers: Readonly<Record<string, () => Promise<object>>> = {
        overview: async () => await source.overview(time('at')),
        'what-if': async () => await source.whatIf(whatIfAsked(url, DEFAULT_RULES), new AbortController().signal),
        buckets: async () =>
          await source.bucket({
            ...{ participant, policy, at: time('at') },
            ...{ from: time('from') ?? 0, to: time('to') ?? Date.parse(NOW) },
          }),
      };
      const answer = await answers[what ?? '']?.();
      return { status: 200, type: 'application/json', body: JSON.stringify(answer) };
    },
  };
}
