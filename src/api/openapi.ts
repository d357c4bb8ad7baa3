/** The API as an OpenAPI 3.1 document. */
import { CATEGORIES } from '../domain/catalog.ts';
import { packageVersion } from '../packageRoot.ts';
import { SESSION_COOKIE } from '../serve/access.ts';
import { INTAKE_LIMITS } from '../serve/intake.ts';
import { SCHEMAS } from './schemas.ts';
import type { Schema } from './schemas.ts';

type Parameter = Schema;

const TIME: Schema = { type: 'string', format: 'date-time', examples: ['2026-01-31T12:00:00Z'] };
const SHARE: Schema = { type: 'number', minimum: 0, maximum: 100 };
const TEXT: Schema = { type: 'string' };

const query = (name: string, schema: Schema, description: string): Parameter => ({
  ...{ name, in: 'query', required: false, schema, description },
});
const path = (name: string, description: string): Parameter => ({
  ...{ name, in: 'path', required: true, schema: TEXT, description },
});

const AT = query('at', TIME, 'The state at this moment, as known from what was observed until then; now without it');
const FROM = query('from', TIME, 'From this time on; a day before `to` without it');
const TO = query('to', TIME, 'Before this time; now, or `at`, without it. At most 1,500 days after `from`');
const BUCKET = [path('participant', 'ISPB'), path('policy', 'Its name')];
const OF_BUCKET = [
  query('participant', TEXT, 'Of this participant only'),
  query('policy', TEXT, 'Of this policy only'),
];

const problem = (description: string): Schema => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly type?: string;
  readonly schema: Schema;
  /** Statuses beside those that every question may have. */
  readonly problems?: Readonly<Record<number, string>>;
}

const answer = (name: keyof typeof SCHEMAS): Schema => ({ $ref: `#/components/schemas/${name}` });

const get = ({ summary, parameters = [], type = 'application/json', schema, problems = {} }: Operation): Schema => ({
  get: {
    summary,
    parameters,
    responses: {
      200: { description: 'The answer', content: { [type]: { schema } } },
      400: problem('A parameter is malformed, or there is none of that name'),
      401: problem('A token is asked for, and none was given, or a wrong one'),
      403: problem('A page of another origin asks'),
      421: problem('Asked for by a name that is not of HTTP_ALLOWED_HOSTS'),
      429: problem('Too many wrong tokens from this address: wait, as Retry-After says'),
      ...Object.fromEntries(Object.entries(problems).map(([status, text]) => [status, problem(text)])),
      503: problem('The database does not answer: try again'),
    },
  },
});

const NDJSON = 'application/x-ndjson';
const { bytes, lines, perSecond, burst } = INTAKE_LIMITS;

const POST_OUTCOMES: Schema = {
  summary: 'Takes in what calls came to: a window a line, each answered by a line',
  security: [{ writer: [] }],
  requestBody: {
    required: true,
    description: `NDJSON: at most ${lines} lines and ${bytes} bytes. What was stored before is stored again without effect`,
    content: { [NDJSON]: { schema: { anyOf: [answer('Outcomes'), answer('PayerOutcomes')] } } },
  },
  responses: {
    200: { description: 'All lines are stored', content: { [NDJSON]: { schema: answer('LineAnswer') } } },
    207: {
      description: 'Some lines were refused, the others are stored',
      content: { [NDJSON]: { schema: answer('LineAnswer') } },
    },
    400: problem('The body broke off, has no line, or is not UTF-8'),
    401: problem('No token was given, or a wrong one'),
    403: problem('The token is one of who may look, nothing is taken in here, or a page of another origin asks'),
    413: problem('Too many bytes or lines: send it in parts'),
    415: problem('Something else than NDJSON, or packed'),
    421: problem('Asked for by a name that is not of HTTP_ALLOWED_HOSTS'),
    429: problem(
      `More than ${perSecond} requests a second after ${burst} at once, or too many wrong tokens: wait, as Retry-After says`,
    ),
    503: problem('The log does not answer: send all of it again'),
  },
};

const PATHS: Readonly<Record<string, Schema>> = {
  '/overview': get({
    summary: 'All buckets of all participants, worst first, alerts, forecasts and the pipeline',
    parameters: [AT],
    schema: answer('Overview'),
  }),
  '/buckets/{participant}/{policy}': get({
    summary: 'One bucket over a range of time, in at most 1,500 points',
    parameters: [...BUCKET, FROM, TO, AT],
    schema: answer('BucketAnswer'),
    problems: { 404: 'There never was such a bucket, or not yet then' },
  }),
  '/buckets/{participant}/{policy}/history.csv': get({
    summary: 'Every observation of a range, as balde history --csv has it; broken off where it fails',
    parameters: [...BUCKET, FROM, TO],
    type: 'text/csv',
    schema: TEXT,
    problems: { 404: 'There never was such a bucket' },
  }),
  '/alerts': get({
    summary: 'Alerts that fit, newest first, page by page',
    parameters: [
      query('open', { type: 'boolean' }, 'Open ones only'),
      query('severity', { type: 'string', enum: ['WARNING', 'CRITICAL'] }, 'Of this severity only'),
      ...OF_BUCKET,
      query('from', TIME, 'Raised at this time or later'),
      query('to', TIME, 'Raised before this time'),
      query('limit', { type: 'integer', minimum: 1, maximum: 1_000, default: 100 }, 'At most so many'),
      query('before', TEXT, 'Older ones than an answer had: its `next`'),
    ],
    schema: answer('AlertsAnswer'),
    problems: { 404: 'There never was such a participant or policy' },
  }),
  '/alerts/{id}': get({
    summary: 'Why an alert was raised, what was forecast, and what followed',
    parameters: [path('id', 'Of the alert')],
    schema: answer('AlertAnswer'),
    problems: { 404: 'There is no such alert' },
  }),
  '/what-if': get({
    summary: 'The alerts that other thresholds would have raised beside those really raised: balde what-if',
    parameters: [
      ...OF_BUCKET,
      query('from', TIME, 'Alerts that were open at this time or later'),
      query('to', TIME, 'Alerts raised before this time'),
      query('warning', SHARE, 'WARNING at or below this share left; as configured without it, as all below'),
      query('critical', SHARE, 'CRITICAL at or below this share left'),
      query('margin', SHARE, 'Points above a threshold before a bucket counts as better'),
      query('for', { type: 'integer', minimum: 1, maximum: 100 }, 'Observations in a row that must agree'),
      query('every', { type: 'string', examples: ['5m'] }, 'Also with polls this far apart only, 1s to 1d'),
      query('horizon', { type: 'string', examples: ['10m'] }, 'Also: had forecasts looked this far ahead, 30s to 1h'),
      query(
        'category',
        { type: 'string', enum: [...CATEGORIES, 'all'] },
        'Instead: when buckets of this category would have answered 429; all ranks them by how long',
      ),
    ],
    schema: answer('WhatIfAnswer'),
    problems: { 404: 'There never was such a bucket', 422: 'It would take too long' },
  }),
  '/payers/{hash}/tokens': get({
    summary: 'How many tokens a payer’s buckets have at most, by the calls that were reported',
    parameters: [
      path('hash', 'HMAC-SHA-256 of the document with the shared key, 64 hex digits'),
      { ...query('kind', { type: 'string', enum: ['PF', 'PJ'] }, 'A person or a company'), required: true },
      query('participant', TEXT, 'ISPB; without it the one that is polled, where there is only one'),
    ],
    schema: answer('PayerAnswer'),
    problems: { 404: 'Nothing is kept of payers here' },
  }),
  '/outcomes': { post: POST_OUTCOMES },
  '/stream': get({
    summary:
      'Server-sent events: `overview` (Overview) first, `change` (OverviewChange) after it, `problem` (Problem) once while the database is away',
    type: 'text/event-stream',
    schema: TEXT,
  }),
  '/openapi.json': get({ summary: 'This document', schema: { type: 'object' } }),
};

/** @param server the path that all addresses begin with */
export const openApi = (server: string): Schema => ({
  openapi: '3.1.0',
  info: {
    title: 'Balde',
    version: packageVersion(),
    description:
      'How the rate-limit buckets of DICT stand. Times are UTC; null is unknown, or none. It only reads, but for what calls came to.',
  },
  servers: [{ url: server }],
  paths: PATHS,
  // Where HTTP_TOKEN is set: the token, or what /login gave for it.
  security: [{}, { token: [] }, { session: [] }],
  components: {
    schemas: SCHEMAS,
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer' },
      writer: { type: 'http', scheme: 'bearer', description: 'OUTCOMES_TOKEN' },
      session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
    },
  },
});
