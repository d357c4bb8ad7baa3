/** What the parts tell becomes metrics. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { certificateSample } from '../../src/app/certificates.ts';
import { beginMetrics, consumeObserver, pollerMetrics } from '../../src/app/observers.ts';
import { loadConfig } from '../../src/config/config.ts';
import { POLL_REASONS, POLL_RESULTS } from '../../src/poll/reasons.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import { issue } from '../support/certificates.ts';
import { seriesOf } from './expositions.ts';

const PARTICIPANT = '12345678';
const given = { PARTICIPANT, BRIDGE_ADDRESS: '127.0.0.1:1' };

/** The metrics of a process that has begun, by themselves: nothing is read from tables. */
function begun(environment: Readonly<Record<string, string>> = {}) {
  const config = loadConfig({ ...given, ...environment });
  const sql = { transaction: async () => await Promise.reject(new Error('nothing is scraped')) };
  const metrics = new Metrics({ sql, now: () => 0, staleAfterMs: 1_000 });
  beginMetrics(metrics, { config, roles: ['poller', 'states'] });
  return { metrics, series: async () => seriesOf(await metrics.exposition()) };
}

const by = (labels: string): string => `{participant="${PARTICIPANT}"${labels === '' ? '' : ','}${labels}}`;

describe('[MET-4] polls', () => {
  test.each([
    ['adaptive', {}],
    ['cron', { POLL_CRON: '*/5 * * * *' }],
    ['every', { POLL_INTERVAL: '1m' }],
  ] as const)('begin at 0 for each reason of schedule %s and each result', async (kind, environment) => {
    const series = await begun(environment).series();
    const polls = [...series].filter(([key]) => key.startsWith('balde_polls_by_reason_total'));
    expect(polls).toHaveLength(POLL_REASONS[kind].length * POLL_RESULTS.length);
    expect(polls.every(([, value]) => value === 0)).toBe(true);
  });

  test('count by reason and result; only a good list is the last success', async () => {
    const { metrics, series } = begun();
    const events = pollerMetrics(metrics);
    const poll = { participant: PARTICIPANT, pollId: 'p', policy: null, reason: 'low' } as const;
    const last = `balde_poll_last_success_timestamp_seconds${by('')}`;
    events.onEnded?.({ ...poll, result: 'failed', endedAt: 1_000 });
    expect((await series()).has(last)).toBe(false);
    events.onEnded?.({ ...poll, result: 'ok', endedAt: 5_500 });
    events.onEnded?.({ ...poll, result: 'rejected', endedAt: 9_000 });
    // One policy alone: the others may be unseen for long.
    events.onEnded?.({ ...poll, policy: 'CLAIMS_READ', reason: 'watch', result: 'ok', endedAt: 9_500 });
    const shown = await series();
    for (const result of POLL_RESULTS)
      expect(shown.get(`balde_polls_by_reason_total${by(`reason="low",result="${result}"`)}`)).toBe(1);
    expect(shown.get(last)).toBe(5.5);
  });

  test('calls to the Bridge are measured, good and bad apart', async () => {
    const { metrics, series } = begun();
    const events = pollerMetrics(metrics);
    const of = (what: string, result: string): string =>
      `balde_bridge_call_duration_seconds_${what}{call="list",participant="${PARTICIPANT}",result="${result}"}`;
    const count = (result: string): string => of('count', result);
    expect([(await series()).get(count('ok')), (await series()).get(count('failed'))]).toEqual([0, 0]);
    const call = { participant: PARTICIPANT, pollId: 'p', policy: null } as const;
    events.onCall?.({ ...call, status: 'OK', durationMs: 40 });
    events.onCall?.({ ...call, policy: 'CLAIMS_READ', status: 'OK', durationMs: 20 });
    events.onCall?.({ ...call, status: 'UNAVAILABLE', durationMs: 2_000 });
    const shown = await series();
    expect([shown.get(count('ok')), shown.get(count('failed'))]).toEqual([1, 1]);
    expect(shown.get(of('sum', 'failed'))).toBe(2);
  });
});

test('[MET-5] budgets are there as last read, and gone when another process polls', async () => {
  const { metrics, series } = begun();
  const events = pollerMetrics(metrics);
  const budget = { participant: PARTICIPANT, pollId: 'p', policy: 'POLICIES_LIST', tokens: 18, capacity: 20 };
  const tokens = `balde_budget_tokens${by('policy="POLICIES_LIST"')}`;
  expect((await series()).has(tokens)).toBe(false);
  events.onBudget?.(budget);
  events.onBudget?.({ ...budget, tokens: -2 });
  const shown = await series();
  expect(shown.get(tokens)).toBe(-2);
  expect(shown.get(`balde_budget_capacity_tokens${by('policy="POLICIES_LIST"')}`)).toBe(20);
  events.onFenced?.({ participant: PARTICIPANT });
  expect([...(await series()).keys()].filter((key) => key.startsWith('balde_budget_'))).toEqual([]);
});

test('[MET-4] batches and commits are measured by processor', async () => {
  const { metrics, series } = begun();
  const observer = consumeObserver(metrics, pino({ level: 'silent' }));
  expect((await series()).get('balde_batch_messages_count{processor="alerts"}')).toBe(0);
  observer.committed('states', 120, 0.02);
  const shown = await series();
  expect(shown.get('balde_batch_messages_sum{processor="states"}')).toBe(120);
  expect(shown.get('balde_commit_duration_seconds_sum{processor="states"}')).toBe(0.02);
});

describe('[MET-6] certificates', () => {
  test('have the end of the client’s own, and of the authority that lasts longest', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balde-ends-'));
    onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
    const authority = issue('authority');
    const client = issue('client', authority);
    const files = { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    await writeFile(files.ca, Buffer.concat([authority.certPem, authority.certPem]));
    await writeFile(files.cert, Buffer.concat([client.certPem, authority.certPem]));
    await writeFile(files.key, client.keyPem);
    const config = loadConfig({
      ...given,
      ...{ BRIDGE_TLS_CA_FILE: files.ca, BRIDGE_TLS_CERT_FILE: files.cert, BRIDGE_TLS_KEY_FILE: files.key },
      ...{ PULSAR_URL: 'pulsar+ssl://host:6651', PULSAR_CA_FILE: files.ca },
      DATABASE_URL: `postgresql://balde@host/balde?sslrootcert=${encodeURIComponent(files.ca)}`,
    });
    const sample = certificateSample(config);
    const ends = Date.parse(new X509Certificate(client.certPem).validTo) / 1_000;
    const found = await sample.read(AbortSignal.timeout(10_000));
    expect(found).toEqual([
      [
        [{ peer: 'bridge', kind: 'client', participant: PARTICIPANT }, ends],
        [{ peer: 'bridge', kind: 'authority', participant: PARTICIPANT }, expect.any(Number)],
        [{ peer: 'pulsar', kind: 'authority', participant: '' }, expect.any(Number)],
        [{ peer: 'database', kind: 'authority', participant: '' }, expect.any(Number)],
      ],
    ]);

    await rm(files.ca);
    await expect(sample.read(AbortSignal.timeout(10_000))).rejects.toThrow();
  });

  test('are none where none are configured', async () => {
    expect(await certificateSample(loadConfig(given)).read(AbortSignal.timeout(10_000))).toEqual([[]]);
  });
});
