import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';
import { balde, baldeProcess, jsonOf } from './balde.ts';
import { MINUTE, PARTICIPANT, seed } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };
const LAST = Math.floor(Date.now() / 1000) * 1000 - 5_000;
let published: PolicyStateObserved[] = [];
let folder = '';

beforeAll(async () => {
  published = await seed(database, log, LAST);
  const poison = await log.producer(POLICY_STATES.name, {
    name: 'poison',
    access: 'shared',
    signal: new AbortController().signal,
  });
  const broken = { key: 'x', payload: Buffer.from('junk'), properties: {}, eventTime: LAST, sequenceId: 1 };
  await poison.send([broken]);
  folder = await mkdtemp(join(tmpdir(), 'balde-cli-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const lines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

describe('balde status', () => {
  test('one JSON object, exact counts, worst bucket first, folds measured against the log', async () => {
    const ended = await balde(['status', '--json'], environment);
    expect(ended.stderr).toBe('');
    const status = jsonOf<{ states: object[]; folds: object[]; alerts: object[] }>(ended);
    expect(status).toMatchObject({
      participants: 1,
      policies: 2,
      history_rows: published.length,
      last_observation: new Date(LAST).toISOString(),
      open_alerts: 1,
      outbox: 0,
    });
    expect(status.states).toMatchObject([
      { participant: PARTICIPANT, endpoint_id: 'FALLING', health_status: 'CRITICAL', remaining_percent: 0 },
      { endpoint_id: 'STEADY', health_status: 'OK', remaining_percent: 100 },
    ]);
    expect(status.alerts).toMatchObject([{ severity: 'CRITICAL', endpoint_id: 'FALLING', resolved: false }]);
    // The poison message came after the folds had stopped.
    const byName = FOLDS.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(status.folds).toMatchObject(
      byName.map(({ name, topic }) => {
        const isBehind = topic === POLICY_STATES.name;
        return { fold: name, served: true, caught_up: !isBehind, partitions_behind: isBehind ? 1 : 0 };
      }),
    );
  });

  test('text for people', async () => {
    const { stdout, code } = await balde(['status'], environment);
    expect(code).toBe(0);
    expect(stdout).toMatch(/10 observations of 2 policies, 1 participant;/);
    expect(stdout).toMatch(/^CRITICAL +12345678 +FALLING +0\.0% +0 +300/m);
    expect(stdout).toMatch(/states v1: behind in 1 of 4 partitions of policy-states/);
  });
});

describe('balde alerts', () => {
  test('newest first, all and only the open ones, within times', async () => {
    const all = jsonOf<{ severity: string; created_at: string }[]>(await balde(['alerts', '--json'], environment));
    expect(all.map((alert) => [alert.severity, alert.created_at])).toEqual([
      ['CRITICAL', new Date(LAST).toISOString()],
      ['CRITICAL', new Date(LAST - 2 * MINUTE).toISOString()],
      ['WARNING', new Date(LAST - 3 * MINUTE).toISOString()],
    ]);
    expect(jsonOf(await balde(['alerts', '--open', '--json'], environment))).toEqual(all.slice(0, 1));
    const range = ['--from', new Date(LAST - 3 * MINUTE).toISOString(), '--to', new Date(LAST).toISOString()];
    expect(jsonOf(await balde(['alerts', '--json', ...range], environment))).toEqual(all.slice(1));
    expect(jsonOf(await balde(['alerts', '--json', '--limit', '2'], environment))).toEqual(all.slice(0, 2));
  });

  test('text table', async () => {
    const { stdout } = await balde(['alerts'], environment);
    expect(stdout.split('\n')[0]).toMatch(/^RAISED +SEVERITY +PARTICIPANT +POLICY +TOKENS/);
    expect(stdout).toMatch(/WARNING .* 1m 00s  [0-9a-f]{8}$/m);
    expect(stdout).toMatch(/CRITICAL .* open +-  [0-9a-f]{8}$/m);
  });
});

describe('balde export', () => {
  test('observations: the Avro fields with ISO times and their place in the log; the undecodable one is counted', async () => {
    const ended = await balde(['export', 'observations'], environment);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/1 message could not be decoded/);
    const exported = lines(ended.stdout) as (Record<string, unknown> & { event_id: string })[];
    const byId = (a: { event_id: string }, b: { event_id: string }): number => a.event_id.localeCompare(b.event_id);
    const expected = published.map((event) => ({
      event_id: event.eventId,
      participant: event.participant,
      policy: event.policy,
      category: event.category,
      available_tokens: event.availableTokens,
      capacity: event.capacity,
      refill_tokens: event.refillTokens,
      refill_period_sec: event.refillPeriodSec,
      response_time: new Date(event.responseTime).toISOString(),
      observed_at: new Date(event.observedAt).toISOString(),
      correlation_id: event.correlationId,
      poll_id: event.pollId,
      partition: expect.any(Number) as number,
      position: expect.any(String) as string,
    }));
    expect(exported.toSorted(byId)).toEqual(expected.toSorted(byId));
    const [leases] = await database.query<{ n: number }>(
      `select count(*) as n from balde_log.lease where name like 'consumer/%' and name !~ '-v[0-9]+/'`,
    );
    expect(leases?.n).toBe(0);
  });

  test('--from is included, --to is not', async () => {
    const range = ['--from', new Date(LAST - MINUTE).toISOString(), '--to', new Date(LAST).toISOString()];
    const expected = [new Date(LAST - MINUTE).toISOString()];
    for (const [what, field] of [
      ['observations', 'response_time'],
      ['states', 'response_time'],
    ] as const) {
      const { stdout } = await balde(['export', what, ...range], environment);
      const times = (lines(stdout) as Record<string, unknown>[]).map((record) => record[field]);
      expect([...new Set(times)]).toEqual(expected);
      expect(times).toHaveLength(2);
    }
  });

  test('alert-events are the JSON of the topic; alerts and states are the rows of their views in order', async () => {
    const events = lines((await balde(['export', 'alert-events'], environment)).stdout) as Record<string, string>[];
    expect(events.map((event) => event['event_type'])).toEqual([
      'AlertRaised',
      'AlertResolved',
      'AlertRaised',
      'AlertResolved',
      'AlertRaised',
    ]);
    expect(events[0]).toMatchObject({
      endpoint_id: 'FALLING',
      timestamp: new Date(LAST - 3 * MINUTE).toISOString(),
    });
    const alerts = lines((await balde(['export', 'alerts'], environment)).stdout);
    const listed = jsonOf<unknown[]>(await balde(['alerts', '--json'], environment));
    expect(alerts).toEqual(listed.toReversed());
    const states = lines((await balde(['export', 'states'], environment)).stdout) as Record<string, unknown>[];
    expect(states.map((row) => [row['endpoint_id'], row['available_tokens']])).toEqual([
      ...[300, 40, 10, 250, 0].map((tokens) => ['FALLING', tokens]),
      ...[300, 300, 300, 300, 300].map((tokens) => ['STEADY', tokens]),
    ]);
  });

  test('CSV to a file: always a header, nested values as JSON', async () => {
    const file = join(folder, 'alerts.csv');
    await balde(['export', 'alerts', '--format', 'csv', '--output', file], environment);
    const [header, first] = (await readFile(file, 'utf8')).split('\n');
    expect(header).toMatch(
      /^id,participant,endpoint_id,severity,.*,caused_by,resolved,.*,created_at,consumption_rate_low_per_minute$/,
    );
    expect(first).toContain(',"[{""capacity"":300,""event_id"":');
    expect(first).toContain(',true,');
    for (const what of ['observations', 'alert-events', 'states']) {
      const nothing = ['--format', 'csv', '--to', '2021-01-01'];
      const { stdout } = await balde(['export', what, ...nothing], environment);
      expect(stdout.trim().split('\n')).toHaveLength(1);
      expect(stdout).toMatch(/^(event_id|id),/);
    }
  });

  test('a reader that has enough, as head has, ends it quietly', async () => {
    for (const format of ['ndjson', 'csv']) {
      const ended = await baldeProcess(['export', 'states', '--format', format], environment, { deaf: true });
      expect(ended).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  });
});

describe('balde metrics', () => {
  test('shows buckets that were fresh at the time asked for', async () => {
    const now = await balde(['metrics', '--at', 'last'], environment);
    expect(now.stdout).toContain(
      `dict_rate_limit_available_tokens{participant="${PARTICIPANT}",endpoint_id="FALLING",psp_category="F"} 0`,
    );
    const later = await balde(['metrics', '--at', new Date(LAST + 3_600_000).toISOString()], environment);
    expect(later.stdout).not.toContain('dict_rate_limit_available_tokens{');
    expect(later.stdout).toMatch(/balde_observation_age_seconds\{.*endpoint_id="FALLING"\} 3600/);
  });
});

describe('balde migrate and retention', () => {
  test('migrate says what it applied, then that nothing is missing; what reads before says what to do', async () => {
    const { url: fresh } = await emptyDatabase();
    const own = { DATABASE_URL: fresh };
    const early = await balde(['status'], own);
    expect(early).toMatchObject({ code: 1, stdout: '' });
    expect(early.stderr).toMatch(/lacks 0001_core, .*: run balde migrate first/);
    const { applied } = jsonOf<{ applied: string[] }>(await balde(['migrate', '--json'], own));
    expect(applied.slice(0, 2)).toEqual(['0001_core', '0002_embedded_log']);
    expect((await balde(['migrate'], own)).stdout).toMatch(/: up to date\n$/);
    const status = jsonOf(await balde(['status', '--json'], own));
    expect(status).toMatchObject({ history_rows: 0, last_observation: null, open_alerts: 0, states: [] });
  });

  test('retention run reports what it made; a second run has nothing to do', async () => {
    const first = jsonOf<{ created: string[] }>(await balde(['retention', 'run', '--json'], environment));
    expect(first.created.length).toBeGreaterThanOrEqual(3);
    expect(first).toMatchObject({ dropped: [], newest: new Date(LAST).toISOString(), months: 13 });
    const second = await balde(['retention', 'run'], environment);
    expect(second.stdout).toMatch(/^created +nothing/m);
    expect(jsonOf(await balde(['status', '--json'], environment))).toMatchObject({ months_ahead: 3 });
  });
});

describe('errors are for people', () => {
  test('no data, no server, wrong option', async () => {
    const nowhere = await balde(['status', '--data-dir', join(folder, 'none')], environment);
    expect(nowhere).toMatchObject({ code: 1, stdout: '' });
    expect(nowhere.stderr).toMatch(/holds no data of Balde/);
    const secret = 'pass-w0rd';
    const refused = await balde(['alerts'], { DATABASE_URL: `postgresql://u:${secret}@127.0.0.1:1/x` });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/the database can't be used: .*ECONNREFUSED/);
    expect(refused.stderr).not.toContain(secret);
    const wrong = await balde(['export', 'everything'], environment);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/observations, alert-events, states, alerts/);
  });
});
