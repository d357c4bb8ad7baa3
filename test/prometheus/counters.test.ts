/** Counters of calls, asked of a real Prometheus: what it scraped for an hour is put into its storage. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { PrometheusError, prometheusLook } from '../../src/calls/prometheus.ts';
import type { CounterLabels } from '../../src/calls/counters.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { manualClock } from '../../src/simulator/clocks.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';
import { prometheusPrograms } from '../support/prometheus.ts';
import { describePrometheus } from '../support/prometheusSuites.ts';
import { never } from '../support/topics.ts';
import { startServer } from './servers.ts';

const LABELS = { participant: 'ispb', policy: 'bucket', status: 'code', source: 'job', operation: 'op' } as const;
const SCRAPE_MS = 15_000;
/** Calls begin and end well within what is asked about: then all of them have to be found. */
const [BEGIN, END] = [NOON + 3 * MINUTE, NOON + 40 * MINUTE];
/** One instance starts anew right after a scrape; the other is not reached for six minutes. */
const RESTART = NOON + 20 * MINUTE;
const [LOST, FOUND] = [NOON + 25 * MINUTE, NOON + 31 * MINUTE];

interface Counter {
  readonly instance: string;
  readonly code: string;
  readonly op: string;
  readonly perSecond: number;
}
const COUNTERS: readonly Counter[] = [
  { instance: 'a:80', code: '200', op: 'getEntry', perSecond: 2 },
  { instance: 'a:80', code: '404', op: 'getEntry', perSecond: 0.2 },
  { instance: 'b:80', code: '200', op: 'getEntry', perSecond: 1 },
  { instance: 'b:80', code: '429', op: 'checkKeys', perSecond: 0.1 },
];

const callsUntil = (at: number, perSecond: number): number =>
  Math.floor((Math.max(0, Math.min(at, END) - BEGIN) / 1_000) * perSecond + 1e-9);

/** What each scrape found, in the text that promtool takes. */
function scraped(): string {
  const lines = ['# TYPE dict_calls counter'];
  for (const { instance, code, op, perSecond } of COUNTERS) {
    for (let at = NOON + 4_000; at < NOON + 60 * MINUTE; at += SCRAPE_MS) {
      if (instance === 'b:80' && at >= LOST && at < FOUND) continue;
      // Began long before: what it shows first is not new. And anew at the restart.
      const before = instance === 'a:80' && at > RESTART ? -callsUntil(RESTART - 11_000, perSecond) : 1_000;
      const labels = `job="payments",instance="${instance}",bucket="CLAIMS_READ",code="${code}",op="${op}"`;
      lines.push(`dict_calls_total{${labels}} ${before + callsUntil(at, perSecond)} ${at / 1_000}`);
    }
  }
  return [...lines, '# EOF', ''].join('\n');
}

async function startStored(folder: string): Promise<string> {
  const programs = await prometheusPrograms();
  const [file, blocks] = [join(folder, 'scraped.txt'), join(folder, 'blocks')];
  await writeFile(file, scraped());
  await promisify(execFile)(programs.promtool, ['tsdb', 'create-blocks-from', 'openmetrics', file, blocks]);
  return await startServer(programs.prometheus, join(folder, 'prometheus'), {}, (home, address) => [
    ...[`--config.file=${join(home, 'config.yml')}`, `--storage.tsdb.path=${blocks}`],
    ...['--storage.tsdb.retention.time=100y', `--web.listen-address=${address}`],
  ]);
}

/** Looks every minute, as time goes on. */
function looked(address: string, query = 'dict_calls_total', labels: CounterLabels = LABELS) {
  const clock = manualClock(NOON);
  const published: RequestOutcomesObserved[] = [];
  const leftOut: string[] = [];
  const look = prometheusLook({
    ...{ url: `http://${address}/`, query, labels, participant: PARTICIPANT, clock },
    publisher: async () =>
      await Promise.resolve({
        publish: async (windows) => {
          published.push(...windows);
          await Promise.resolve();
        },
        close: async () => Promise.resolve(),
      }),
    onFailed: () => undefined,
    onLeftOut: (reason) => leftOut.push(reason),
  });
  const at = async (time: number): Promise<number> => {
    clock.set(time);
    return await look.once(never);
  };
  return { at, published, leftOut };
}

/** The newest revision of each window. */
function standing(published: readonly RequestOutcomesObserved[]): RequestOutcomesObserved[] {
  const newest = new Map<string, RequestOutcomesObserved>();
  for (const window of published) {
    const key = `${window.windowStart} ${window.operation}`;
    if ((newest.get(key)?.revision ?? -1) < window.revision) newest.set(key, window);
  }
  return [...newest.values()];
}

const sum = (windows: readonly RequestOutcomesObserved[], of: 'status200' | 'status404' | 'status429'): number =>
  windows.reduce((total, window) => total + window[of], 0);

describePrometheus('counters of a Prometheus', () => {
  test('[CALLIN-4] become windows: no call lost or counted twice, through a restart and a gap', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balde-counters-'));
    onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
    const address = await startStored(folder);
    const { at, published } = looked(address);
    for (let minute = 2; minute <= 48; minute += 1) await at(NOON + minute * MINUTE + 5_000);
    const windows = standing(published);
    const all = (perSecond: number): number => callsUntil(END, perSecond);
    expect(sum(windows, 'status200')).toBe(all(2) + all(1));
    expect([sum(windows, 'status404'), sum(windows, 'status429')]).toEqual([all(0.2), all(0.1)]);
    // A steady rate is found in each minute, in those of the gap too.
    const steady = windows.filter(
      ({ operation, windowStart: start }) =>
        operation === 'getEntry' && start >= NOON + 5 * MINUTE && start < END - MINUTE,
    );
    expect(steady.map(({ status200 }) => status200).filter((count) => Math.abs(count - 180) > 3)).toEqual([]);
    expect(steady).toHaveLength(34);

    // While one instance can't be reached nothing is said to be complete; later everything is.
    const duringGap = published.filter(({ windowStart: start }) => start >= LOST + MINUTE && start < FOUND - MINUTE);
    const early = duringGap.filter(({ windowEnd, revision }) => windowEnd + (revision + 1) * MINUTE < FOUND);
    expect(early.length).toBeGreaterThan(0);
    expect(early.filter(({ completeUpTo }) => completeUpTo !== null)).toEqual([]);
    const marks = new Set(windows.map(({ completeUpTo }) => completeUpTo));
    for (let start = NOON + MINUTE; start < NOON + 45 * MINUTE; start += MINUTE)
      expect(marks.has(start + MINUTE)).toBe(true);

    expect(await at(NOON + 48 * MINUTE + 6_000)).toBe(0);
    const again = looked(address);
    await again.at(NOON + 48 * MINUTE + 6_000);
    expect(sum(standing(again.published), 'status200')).toBe(all(2) + all(1));
  }, 120_000);

  test('[CALLIN-4] that can’t be told are left out with a reason; a wrong question, or nobody there, is told', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balde-counters-'));
    onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
    const address = await startStored(folder);
    const { at, published, leftOut } = looked(address, 'dict_calls_total', { ...LABELS, status: 'op' });
    await at(NOON + 30 * MINUTE);
    await at(NOON + 31 * MINUTE);
    expect([published, leftOut]).toEqual([[], ['label op is no status of HTTP, such as 200 or 2xx']]);
    const wrong = looked(address, 'sum(dict_calls_total)');
    await expect(wrong.at(NOON + 30 * MINUTE)).rejects.toThrow(/OUTCOMES_PROMETHEUS_QUERY: .*selector of counters/);
    await expect(looked('127.0.0.1:1').at(NOON)).rejects.toThrow(PrometheusError);
  }, 120_000);
});
