/** `/api/v1`: which question an address asks. */
import type { EpochMs, Severity } from '../domain/events.ts';
import { withoutDocuments } from '../domain/documents.ts';
import { invalidDigest, PAYER_KINDS } from '../domain/payers.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import { isParticipant } from '../domain/validation.ts';
import { UsageError } from '../errors.ts';
import type { Answer, Asked, Site, StreamedAnswer } from '../serve/answer.ts';
import { PAYERS_ARE_OFF } from '../calls/payerRecords.ts';
import { placeOf } from './alerts.ts';
import type { Api } from './api.ts';
import { countOf, momentOf, oneOf, parametersOf, rangeOf, timeOf } from './asked.ts';
import { CSV } from './history.ts';
import { openApi } from './openapi.ts';
import { NotFoundError, problemAnswer, problemOf } from './problem.ts';
import { whatIfAsked } from './whatIf.ts';

const API = '/api/v1';

interface Question extends Asked {
  readonly api: Api;
  readonly now: () => EpochMs;
  readonly rules: ThresholdRules;
  readonly payers?: PayersAsked | null;
  /** Of the path, below {@link API}, decoded. */
  readonly segments: readonly string[];
}

type Route = (question: Question) => Promise<Answer | StreamedAnswer>;

interface PayersAsked {
  /** Of questions that name none; `null`: they must. */
  readonly participant: string | null;
}

interface SiteOptions {
  readonly api: Api;
  readonly now: () => EpochMs;
  /** Those of this process: what a question about other rules leaves open. */
  readonly rules: ThresholdRules;
  /** Not given or `null`: nothing is kept of payers. */
  readonly payers?: PayersAsked | null;
  /** Told of what is a defect. */
  readonly onError: (error: unknown) => void;
}

/** Every path below {@link API} is its own. */
export const apiSite =
  ({ onError, ...site }: SiteOptions): Site =>
  async (asked) => {
    const { pathname } = asked.url;
    if (pathname !== '/api' && !pathname.startsWith('/api/')) return null;
    try {
      const segments = segmentsOf(pathname);
      return await routeOf(segments)({ ...asked, ...site, segments });
    } catch (error) {
      const problem = problemOf(error);
      // Whoever goes away ends the work: that is no defect.
      if (problem.status === 500 && !asked.signal.aborted) onError(error);
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

/** An address that may have a document in it is not shown: below `payers` none is. */
const unknown = (pathname: string): NotFoundError => {
  const shown = pathname.startsWith(`${API}/payers/`) ? `${API}/payers/…` : withoutDocuments(pathname).slice(0, 200);
  return new NotFoundError(`there is nothing at ${shown}: ${API}/openapi.json lists what there is`);
};

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

const MOST_ALERTS = 1_000;
const ALERTS = 100;

const alerts: Route = async ({ api, url }) => {
  const names = ['open', 'severity', 'participant', 'policy', 'from', 'to', 'limit', 'before'] as const;
  const { open, severity, participant, policy, ...given } = parametersOf(url, names);
  const [from, to] = [timeOf('from', given.from), timeOf('to', given.to)];
  if (from !== null && to !== null) rangeOf(from, to, to, Infinity);
  const asked = {
    open: oneOf('open', ['true', 'false', ''], open ?? 'false') !== 'false',
    severity: severity === undefined ? null : oneOf<Severity>('severity', ['WARNING', 'CRITICAL'], severity),
    ...{ participant: participant ?? null, policy: policy ?? null, from, to },
    limit: given.limit === undefined ? ALERTS : countOf('limit', given.limit, MOST_ALERTS),
    before: given.before === undefined ? null : placeOf(given.before),
  };
  return json(await api.alerts(asked));
};

const alert: Route = async ({ api, url, segments: [, id = ''] }) => {
  parametersOf(url, []);
  return json(await api.alert(id.toLowerCase()));
};

const whatIf: Route = async ({ api, url, rules, signal }) => json(await api.whatIf(whatIfAsked(url, rules), signal));

const csv: Route = async ({
  api,
  url,
  now,
  method,
  signal,
  segments: [, participant = '', policy = '', file = ''],
}) => {
  if (file !== 'history.csv') throw unknown(url.pathname);
  const { from, to } = parametersOf(url, ['from', 'to']);
  const range = rangeOf(timeOf('from', from), timeOf('to', to), now());
  if (method === 'HEAD') return { status: 200, type: CSV, body: '' };
  return await api.historyCsv({ participant, policy, ...range }, signal);
};

const payer: Route = async ({ api, url, payers = null, segments: [, hash = '', last = ''] }) => {
  if (last !== 'tokens') throw unknown(url.pathname);
  if (payers === null) throw new NotFoundError(PAYERS_ARE_OFF);
  const { participant = payers.participant, ...given } = parametersOf(url, ['kind', 'participant']);
  const wrong = invalidDigest(hash.toLowerCase());
  if (wrong !== null) throw new UsageError(wrong);
  if (given.kind === undefined) throw new UsageError(`kind is missing: it is ${PAYER_KINDS.join(' or ')}`);
  const kind = oneOf('kind', PAYER_KINDS, given.kind);
  if (participant === null) throw new UsageError('participant is missing: several may be asked about here');
  if (!isParticipant(participant)) throw new UsageError('participant is no ISPB: 8 letters and digits');
  return json(await api.payer({ participant, payer: hash.toLowerCase(), kind }));
};

const stream: Route = async ({ api, url }) => {
  parametersOf(url, []);
  return await Promise.resolve(api.stream);
};

const document = openApi(API);

const openapi: Route = async ({ url }) => {
  parametersOf(url, []);
  return await Promise.resolve(json(document));
};

/** By the first segment and how many there are. */
const ROUTES: Readonly<Record<string, Route>> = {
  'overview 1': overview,
  'buckets 3': bucket,
  'buckets 4': csv,
  'alerts 1': alerts,
  'alerts 2': alert,
  'what-if 1': whatIf,
  'payers 3': payer,
  'stream 1': stream,
  'openapi.json 1': openapi,
};

function routeOf(segments: readonly string[]): Route {
  const [first = ''] = segments;
  const route = Object.entries(ROUTES).find(([name]) => name === `${first} ${segments.length}`)?.[1];
  if (route === undefined) throw unknown(`${API}/${segments.join('/')}`);
  return route;
}

/** The same answer is the same bytes, for many who ask at once: they are made, compressed and hashed once. */
const BYTES = new WeakMap<object, Buffer>();

function json(value: object): Answer {
  const body = BYTES.get(value) ?? Buffer.from(JSON.stringify(value));
  BYTES.set(value, body);
  return { status: 200, type: 'application/json', body };
}
