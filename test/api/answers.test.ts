/** What the API answers, against a database that the folds filled. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { AlertAnswer, AlertsAnswer, BucketAnswer, Overview, Problem } from '../../src/api/answers.ts';
import { apiOf } from '../../src/api/api.ts';
import { changeBetween, compared } from '../../src/api/changes.ts';
import { openApi } from '../../src/api/openapi.ts';
import { apiSite } from '../../src/api/routes.ts';
import { FORMS } from '../../src/cli/sites.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { Answer, Site } from '../../src/serve/answer.ts';
import { longObservingPool, observingPool } from '../../src/serve/observing.ts';
import { openDatabase } from '../../src/store/database.ts';
import { saveSettings } from '../../src/store/settings.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { foldAll, MINUTE, PARTICIPANT, publish, seed } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { cuttingProxy } from '../support/cuttingProxy.ts';
import { eventually } from '../support/eventually.ts';
import { observation } from '../support/observations.ts';

const OTHER = '87654321';
const NOW = Date.now();
/** The newest observation: FALLING is empty since then. */
const LAST = NOW - 10 * MINUTE;
const { url, database, log } = await baldeDatabase();
await saveSettings(database, { rules: DEFAULT_RULES, staleAfterMs: 60 * MINUTE });
await seed(database, log, LAST);
const quiet = observation({ participant: OTHER, policy: 'QUIET', responseTime: NOW - 90 * MINUTE });
await publish(log, [quiet], 1_000);
await foldAll(database, log);

const watched = openDatabase(observingPool({ url }));
const studied = openDatabase(longObservingPool({ url }));
afterAll(async () => await Promise.all([watched.close(), studied.close()]));
const now = (): number => NOW;
const errors: unknown[] = [];
const rules = DEFAULT_RULES;
const lag = () => ({ events: 0, seconds: 0 });
const api = apiOf({ database: watched, studied, now, rules, lag, forms: FORMS });
const payers = { participant: PARTICIPANT };
const site = apiSite({ api, now, rules, payers, onError: (error) => errors.push(error) });

async function ask(path: string): Promise<{ readonly status: number; readonly type: string; readonly body: unknown }> {
  const signal = new AbortController().signal;
  const answer = await site({ method: 'GET', url: new URL(path, 'http://balde'), headers: {}, signal });
  if (answer === null || !('status' in answer)) throw new Error(`${path} was not answered whole`);
  const { status, type, body }: Answer = answer;
  return { status, type, body: JSON.parse(body.toString()) as unknown };
}

const EVERY_ALERT = { open: false, severity: null, participant: null, policy: null, from: null, to: null } as const;

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly get: {
          readonly parameters: readonly { readonly name: string; readonly in: string }[];
          readonly responses: {
            readonly 200: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
          };
        };
      }
    >
  >;
}

const overview = async (query = ''): Promise<Overview> => (await ask(`/api/v1/overview${query}`)).body as Overview;
const bucket = async (name: string, query = ''): Promise<BucketAnswer> =>
  (await ask(`/api/v1/buckets/${name}${query}`)).body as BucketAnswer;
const iso = (at: number): string => new Date(at).toISOString();
const FALLING = `${PARTICIPANT}/FALLING`;

describe('[PAGE-10] the overview', () => {
  test('has the buckets of all participants, worst first, each with its level and since when', async () => {
    const { buckets, is_past: isPast, as_of: asOf, thresholds } = await overview();
    expect({ isPast, asOf }).toEqual({ isPast: false, asOf: iso(NOW) });
    expect(thresholds).toEqual({ warning_percent: 20, critical_percent: 10, stale_after_seconds: 3_600 });
    expect(buckets.map((one) => [one.participant, one.endpoint_id, one.health_status, one.level_since])).toEqual([
      [PARTICIPANT, 'FALLING', 'CRITICAL', iso(LAST)],
      [OTHER, 'QUIET', 'STALE', iso(quiet.responseTime)],
      [PARTICIPANT, 'STEADY', 'OK', iso(LAST - 4 * MINUTE)],
    ]);
    const [worst] = buckets;
    expect(worst).toMatchObject({ available_tokens: 0, capacity: 300, remaining_percent: 0, psp_category: 'F' });
    expect(worst?.sparkline).toHaveLength(48);
    expect(worst?.sparkline.at(-1) ?? worst?.sparkline.at(-2)).toBe(0);
    expect(worst?.consumption).toMatchObject({
      low: expect.any(Number) as number,
      method: expect.any(String) as string,
    });
  });

  test('names the open alert of a bucket, and has those that are over', async () => {
    const { buckets, alerts, pipeline } = await overview();
    expect(alerts.map(({ severity, resolution_reason: reason }) => [severity, reason])).toEqual([
      ['CRITICAL', null],
      ['CRITICAL', 'RECOVERED'],
      ['WARNING', 'ESCALATED'],
    ]);
    expect(buckets[0]?.alert_id).toBe(alerts[0]?.id);
    expect(pipeline).toMatchObject({
      last_observation: iso(LAST),
      outbox: 0,
      lag_events: 0,
      processes: [],
      next_polls: [],
    });
    expect(pipeline?.concerns.map(({ code, values }) => [code, values])).toContainEqual(['NOBODY', { role: 'poller' }]);
  });

  test('of a past moment knows what was known then: level, open alert, nothing of the pipeline', async () => {
    const at = LAST - 2 * MINUTE + 1;
    const { buckets, alerts, pipeline, as_of: asOf, is_past: isPast } = await overview(`?at=${iso(at)}`);
    expect({ asOf, isPast, pipeline }).toEqual({ asOf: iso(at), isPast: true, pipeline: null });
    expect(buckets.map((one) => [one.endpoint_id, one.health_status, one.level_since, one.available_tokens])).toEqual(
      [
        ['FALLING', 'CRITICAL', iso(LAST - 2 * MINUTE), 10],
        ['STEADY', 'OK', iso(LAST - 4 * MINUTE), 300],
        ['QUIET', 'STALE', iso(quiet.responseTime), 1000],
      ].sort(
        ([, a], [, b]) =>
          ['CRITICAL', 'STALE', 'OK'].indexOf(String(a)) - ['CRITICAL', 'STALE', 'OK'].indexOf(String(b)),
      ),
    );
    expect(alerts.map(({ severity, resolved_at: end }) => [severity, end])).toEqual([
      ['CRITICAL', null],
      ['WARNING', iso(LAST - 2 * MINUTE)],
    ]);
    expect((await overview('?at=2020-01-01T00:00:00Z')).buckets).toEqual([]);
  });
});

describe('[PAGE-11] a bucket', () => {
  test('has every observation of a short range, its alerts and how its refill arrives', async () => {
    const { series, alerts, bucket: summary, refill } = await bucket(FALLING);
    expect(series).toMatchObject({ resolution: 'observations', tokens: [300, 40, 10, 250, 0] });
    expect(series.time.at(-1)).toBe(iso(LAST));
    // 300 to 40 with 60 back a minute: none, one or two refills landed in a minute that is known to half a second.
    expect([series.rate_low[1], series.rate_high[1]]).toEqual([260, 380]);
    expect(series.rate[0]).toBeNull();
    expect(new Set(Object.values(series).flatMap((column) => (Array.isArray(column) ? [column.length] : [])))).toEqual(
      new Set([5]),
    );
    expect(alerts.map(({ severity }) => severity)).toEqual(['WARNING', 'CRITICAL', 'CRITICAL']);
    expect(summary).toEqual({ ...(await overview()).buckets[0], age_seconds: expect.any(Number) as number });
    expect(refill).toMatchObject({ mode: 'unknown' });
  });

  test('at a past moment ends there', async () => {
    const { series, alerts, bucket: summary } = await bucket(FALLING, `?at=${iso(LAST - 3 * MINUTE)}`);
    expect(series.tokens).toEqual([300, 40]);
    expect(alerts.map(({ severity, resolved_at: end }) => [severity, end])).toEqual([['WARNING', null]]);
    expect(summary).toMatchObject({
      health_status: 'WARNING',
      available_tokens: 40,
      level_since: iso(LAST - 3 * MINUTE),
    });
  });
});

describe('[PAGE-13] alerts', () => {
  const list = async (query = ''): Promise<AlertsAnswer> => (await ask(`/api/v1/alerts${query}`)).body as AlertsAnswer;

  test('are listed newest first, page by page, each of them once', async () => {
    const all = await list();
    expect(all.alerts.map(({ severity }) => severity)).toEqual(['CRITICAL', 'CRITICAL', 'WARNING']);
    expect(all.next).toBeNull();
    const first = await list('?limit=2');
    expect(first.alerts).toEqual(all.alerts.slice(0, 2));
    const second = await list(`?limit=2&before=${first.next}`);
    expect(second).toEqual({ alerts: all.alerts.slice(2), next: null });
  });

  test('are narrowed by what is asked', async () => {
    const ids = async (query: string): Promise<number> => (await list(query)).alerts.length;
    expect(await ids('?open')).toBe(1);
    expect(await ids('?open=false&severity=WARNING')).toBe(1);
    expect(await ids(`?from=${iso(LAST)}`)).toBe(1);
    expect(await ids(`?to=${iso(LAST)}&participant=${PARTICIPANT}&policy=FALLING`)).toBe(2);
    expect(await ids(`?participant=${OTHER}`)).toBe(0);
  });

  test('one of them is explained as balde explain does, with the observations around it', async () => {
    const id = (await list()).alerts[1]?.id ?? '';
    const { alert, explanation, series, forecasts } = (await ask(`/api/v1/alerts/${id}`)).body as AlertAnswer;
    expect(explanation).toEqual(jsonOf(await balde(['explain', id, '--json'], { DATABASE_URL: url })));
    expect(alert).toMatchObject({ id, severity: 'CRITICAL', resolution_reason: 'RECOVERED' });
    expect(series).toMatchObject({ resolution: 'observations', tokens: [300, 40, 10, 250, 0] });
    expect(forecasts).toEqual([]);
  });
});

describe('[PAGE-14] what-if', () => {
  test.each([
    ['', []],
    [
      `?warning=50&critical=5&margin=2&for=2&every=2m&participant=${PARTICIPANT}&policy=FALLING`,
      [
        ...['--warning', '50', '--critical', '5', '--resolve-margin', '2', '--for-observations', '2', '--every', '2m'],
        ...['--participant', PARTICIPANT, '--policy', 'FALLING'],
      ],
    ],
  ])('%s: what the command answers', async (query, options) => {
    const answer = await ask(`/api/v1/what-if${query}`);
    expect(answer.body).toEqual(jsonOf(await balde(['what-if', '--json', ...options], { DATABASE_URL: url })));
  });
});

describe('the history as CSV', () => {
  test('[PAGE-15] is what balde history --csv has, whatever its length', async () => {
    const path = `/api/v1/buckets/${FALLING}/history.csv`;
    const signal = new AbortController().signal;
    const answer = await site({ method: 'GET', url: new URL(path, 'http://balde'), headers: {}, signal });
    if (answer === null || !('begin' in answer)) throw new Error('it was not answered as a stream');
    const server = createServer((_, response) => answer.begin(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const got = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(got.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const { stdout } = await balde(['history', '--participant', PARTICIPANT, '--policy', 'FALLING', '--csv'], {
      DATABASE_URL: url,
    });
    expect((await got.text()).trim()).toBe(stdout.trim());
  });
});

describe('[PAGE-17] the OpenAPI document', () => {
  const { paths, ...document } = openApi('/api/v1') as unknown as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema({ $id: 'api', ...document });
  const problems = (schema: object, value: unknown): unknown => {
    const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as object);
    return validate(value) ? [] : validate.errors;
  };
  const addresses = async (): Promise<readonly (readonly [string, string])[]> => {
    const [newest] = (await api.alerts({ ...EVERY_ALERT, limit: 1, before: null })).alerts;
    const values: Readonly<Record<string, string>> = {
      id: newest?.id ?? '',
      participant: PARTICIPANT,
      policy: 'FALLING',
      hash: createHash('sha256').update('nobody').digest('hex'),
    };
    // What is written is tried by itself (test/calls/post.test.ts).
    const asked = Object.entries(paths).filter(([, operations]) => 'get' in operations);
    return asked.map(([path]) => [path, path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')]);
  };

  test('describes every answer as it is: no field more, none less', async () => {
    const checked: string[] = [];
    for (const [path, address] of await addresses()) {
      const schema = paths[path]?.get.responses[200].content['application/json']?.schema;
      if (schema === undefined) continue;
      const isOfMoments = path === '/overview' || path.startsWith('/buckets');
      const needed = path.startsWith('/payers') ? '?kind=PF' : '';
      for (const query of isOfMoments ? ['', `?at=${iso(LAST)}`] : [needed]) {
        const { status, body } = await ask(`/api/v1${address}${query}`);
        expect([path, status, problems(schema, body)]).toEqual([path, 200, []]);
      }
      checked.push(path);
    }
    expect(checked).toHaveLength(7);
    const before = compared(await overview());
    const later = {
      ...before.overview,
      buckets: before.overview.buckets.slice(1).map((one) => ({ ...one, capacity: 1 })),
    };
    const change = changeBetween(before, compared(later));
    expect(problems({ $ref: '#/components/schemas/OverviewChange' }, change)).toEqual([]);
    expect(problems({ $ref: '#/components/schemas/Problem' }, (await ask('/api/v1/x')).body)).toEqual([]);
    expect(problems({ $ref: '#/components/schemas/Problem' }, {})).not.toEqual([]);
  });

  test('names the parameters that each address takes', async () => {
    for (const [path, address] of await addresses()) {
      const { detail } = (await ask(`/api/v1${address}?nonsense`)).body as Problem;
      const taken = paths[path]?.get.parameters.filter((one) => one.in === 'query').map(({ name }) => name) ?? [];
      const named = /: there (?:is|are) (.*)$/.exec(detail)?.[1]?.split(', ') ?? [];
      expect([path, [...named].sort()]).toEqual([path, taken.length === 0 ? ['none'] : [...taken].sort()]);
    }
  });
});

describe('[PAGE-12] a question that can’t be answered', () => {
  test.each([
    ['/api/v1/overview?att=1', 400, 'there is no parameter "att" here: there is at'],
    ['/api/v1/overview?at=1&at=2', 400, 'at is given more than once'],
    ['/api/v1/overview?at=yesterday', 400, 'at must be a time such as 2026-01-31T12:00:00Z'],
    ['/api/v1/overview?at=9999-01-01T00:00:00Z', 400, 'at must not be in the future'],
    [`/api/v1/buckets/${FALLING}?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z`, 400, 'from must be before to'],
    [`/api/v1/buckets/${FALLING}?from=1990-01-01T00:00:00Z`, 400, 'from and to may be 1500 days apart, not more'],
    [`/api/v1/buckets/${PARTICIPANT}/NOTHING`, 404, 'no policy NOTHING of participant 12345678 was ever observed'],
    ['/api/v1/buckets/99999999/FALLING', 404, 'no participant 99999999 was ever observed: there are'],
    [`/api/v1/buckets/${FALLING}?at=2020-01-01T00:00:00Z`, 404, 'nothing was known at 2020-01-01T00:00:00.000Z'],
    ['/api/v1/alerts?limit=0', 400, 'limit must be a whole number from 1 to 1000'],
    ['/api/v1/alerts?before=x', 400, 'before takes what an answer had in next'],
    ['/api/v1/alerts?open=maybe', 400, 'open must be one of true, false'],
    ['/api/v1/alerts?severity=BAD', 400, 'severity must be one of WARNING, CRITICAL'],
    ['/api/v1/alerts?policy=NOTHING', 404, 'no policy NOTHING was ever observed'],
    ['/api/v1/alerts/00000000-0000-4000-8000-000000000000', 404, 'there is no alert'],
    ['/api/v1/alerts/x', 404, 'there is no alert x'],
    ['/api/v1/what-if?warning=200', 400, 'warning must be a number from 0 to 100'],
    ['/api/v1/what-if?warning=5&critical=50', 400, 'must be below WARNING'],
    ['/api/v1/what-if?for=1.5', 400, 'for must be a whole number from 1 to 100'],
    ['/api/v1/what-if?category=Z', 400, 'category must be one of A, B'],
    ['/api/v1/what-if?every=2d', 400, 'every must be an interval from 1s to 1d'],
    ['/api/v1/what-if?category=A&warning=5', 400, 'leave out warning'],
    ['/api/v1/what-if?category=A', 400, 'neither is among these buckets'],
    ['/api/v1/what-if?policy=NOTHING', 404, 'no policy NOTHING was ever observed'],
    [`/api/v1/buckets/${FALLING}/future.csv`, 404, 'there is nothing at'],
    ['/api/v1/nothing', 404, 'there is nothing at /api/v1/nothing'],
    ['/api/v1/buckets/%ff/X', 404, 'there is nothing at'],
    ['/api/v2/overview', 404, 'the API is at /api/v1/'],
  ])('%s: %i, %s', async (path, status, detail) => {
    const answer = await ask(path);
    expect(answer).toMatchObject({ status, type: 'application/problem+json' });
    expect((answer.body as Problem).detail).toContain(detail);
    expect(errors).toEqual([]);
  });

  test('is no defect where its asker goes away', async () => {
    const url = new URL('http://balde/api/v1/what-if?warning=33');
    await site({ method: 'GET', url, headers: {}, signal: AbortSignal.abort() });
    expect(errors).toEqual([]);
  });
});

describe('[PAGE-18] the database', () => {
  const siteOn = (address: string): Site => {
    const own = openDatabase(observingPool({ url: address }));
    onTestFinished(async () => await own.close());
    const sources = { database: own, studied: own, now: () => Date.now(), rules, lag: () => null, forms: FORMS };
    return apiSite({ api: apiOf(sources), now: () => Date.now(), rules, onError: (error) => errors.push(error) });
  };
  const askOf = async (of: Site, path: string): Promise<{ readonly status: number; readonly body: unknown }> => {
    const signal = new AbortController().signal;
    const answer = await of({ method: 'GET', url: new URL(path, 'http://balde'), headers: {}, signal });
    if (answer === null || !('status' in answer)) throw new Error(`${path} was not answered whole`);
    return { status: answer.status, body: JSON.parse(answer.body.toString()) as unknown };
  };

  test('without an observation is an answer, and says so', async () => {
    const empty = siteOn((await baldeDatabase()).url);
    const { status, body } = await askOf(empty, '/api/v1/overview');
    const { buckets, alerts, pipeline } = body as Overview;
    expect({ status, buckets, alerts }).toEqual({ status: 200, buckets: [], alerts: [] });
    expect(pipeline?.concerns.map(({ code }) => code)).toContain('NO_OBSERVATION');
    expect(await askOf(empty, '/api/v1/alerts')).toEqual({ status: 200, body: { alerts: [], next: null } });
    expect(await askOf(empty, '/api/v1/what-if')).toMatchObject({ status: 404 });
    expect(await askOf(empty, `/api/v1/buckets/${FALLING}`)).toMatchObject({
      status: 404,
      body: { detail: 'there is no observation yet: nothing to look at' },
    });
  });

  test('that is away is a problem that says so, and answers go on when it is back', async () => {
    const proxy = await cuttingProxy(url, Infinity);
    const through = siteOn(proxy.url);
    expect((await askOf(through, '/api/v1/overview')).status).toBe(200);
    const { port } = new URL(proxy.url);
    await proxy.close();
    for (const path of ['overview?at=2026-01-01T00:00:00Z', 'alerts', 'what-if', `buckets/${FALLING}`]) {
      const { status, body } = await askOf(through, `/api/v1/${path}`);
      expect([path, status, (body as Problem).title]).toEqual([path, 503, 'The database does not answer']);
    }
    const back = await cuttingProxy(url, Infinity, Number(port));
    onTestFinished(async () => await back.close());
    await eventually('it answers', async () => (await askOf(through, '/api/v1/alerts')).status === 200);
    expect(errors).toEqual([]);
  });
});

describe('[PAGE-11] a bucket', () => {
  test('whose observations were dropped is told by its periods', async () => {
    await database.execute('delete from states_v1.history');
    const five = (await bucket(FALLING, `?from=${iso(LAST - 60 * MINUTE)}`)).series;
    expect(five.resolution).toBe('5m');
    expect(Math.min(...five.lowest.map((tokens) => tokens ?? Infinity))).toBe(0);
    expect(five.tokens.at(-1)).toBe(0);
    const days = (await bucket(FALLING, `?from=${iso(NOW - 365 * 86_400_000)}`)).series;
    expect(days).toMatchObject({ resolution: 'day' });
    expect(days.highest.at(-1) ?? days.highest.at(-2)).toBe(300);
  });
});
