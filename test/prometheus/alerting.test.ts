import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { startFakeBridge } from '../poll/fakeBridge.ts';
import { answerAt, reading } from '../support/answers.ts';
import { eventually } from '../support/eventually.ts';
import { prometheusPrograms } from '../support/prometheus.ts';
import { describePrometheus } from '../support/prometheusSuites.ts';
import { run } from '../support/running.ts';
import { ask, startAlertmanager, startPrometheus, startReceiver } from './servers.ts';
import type { ToldAlert } from './servers.ts';

const PARTICIPANT = '12345678';
/** From an observation to whoever is told. Milliseconds. */
const STATED_MS = 60_000;

/** Exit code and all that was said: promtool reads the metrics on its standard input. */
async function checkMetrics(promtool: string, metrics: string): Promise<readonly [number | null, string]> {
  const child = spawn(promtool, ['check', 'metrics']);
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.end(metrics);
  const [said, told] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return [await code, said + told];
}

/** Balde with everything embedded, polling a Bridge whose bucket holds what the test says. */
async function startBalde(folder: string) {
  const bucket = { tokens: 100 };
  const own = (name: string, availableTokens: number) => reading({ name, availableTokens, capacity: 20 });
  const bridge = await startFakeBridge(() =>
    answerAt(Date.now(), [
      reading({ name: 'CLAIMS_READ', capacity: 100, availableTokens: bucket.tokens }),
      ...[own('POLICIES_LIST', 17), own('POLICIES_READ', 9)],
    ]),
  );
  onTestFinished(() => bridge.close());
  const balde = run(['start', '--data-dir', join(folder, 'data')], {
    ...{ PARTICIPANT, BRIDGE_ADDRESS: bridge.address, POLL_INTERVAL: '1s', LOG_LEVEL: 'warn' },
  });
  await balde.says(/metrics +http:\S+\/metrics/, 120_000);
  onTestFinished(async () => {
    await balde.stop();
  });
  const [, url = ''] = /metrics +(http:\S+\/metrics)/.exec(balde.stdout()) ?? [];
  return { bucket, url };
}

interface LiveRules {
  readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly health: string }[] }[];
}

describePrometheus('a running Balde, Prometheus, Alertmanager and a receiver', () => {
  test('[MET-7, MET-8] metrics promtool accepts; an alert fires and is resolved', { timeout: 600_000 }, async () => {
    const programs = await prometheusPrograms();
    const folder = await mkdtemp(join(tmpdir(), 'balde-prometheus-'));
    onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
    const { bucket, url } = await startBalde(folder);
    const scrape = async (): Promise<string> => await (await fetch(url)).text();
    const observed = await eventually('the bucket is observed', async () => {
      const found = await scrape();
      return found.includes('dict_rate_limit_available_tokens{') ? found : null;
    });
    expect(await checkMetrics(programs.promtool, observed)).toEqual([0, '']);
    for (const [policy, tokens] of [
      ['POLICIES_LIST', 17],
      ['POLICIES_READ', 9],
    ] as const) {
      expect(observed).toContain(`balde_budget_tokens{participant="12345678",policy="${policy}"} ${tokens}\n`);
      expect(observed).toContain(`balde_budget_capacity_tokens{participant="12345678",policy="${policy}"} 20\n`);
    }

    const { url: webhook, told } = await startReceiver();
    const alertmanager = await startAlertmanager(programs, folder, webhook);
    const prometheus = await startPrometheus(programs, folder, { balde: new URL(url).host, alertmanager });
    const is = (status: ToldAlert['status']) => async (): Promise<ToldAlert | undefined> =>
      await Promise.resolve(
        told.find((alert) => alert.status === status && alert.labels['alertname'] === 'BaldeBucketCritical'),
      );
    await eventually('every rule is evaluated without an error', async () => {
      const { groups } = await ask<LiveRules>(prometheus, 'rules');
      const live = groups.flatMap(({ rules }) => rules);
      return live.length > 20 && live.every(({ health }) => health === 'ok');
    });
    expect(told.filter(({ labels }) => labels['alertname'] === 'BaldeBucketCritical')).toEqual([]);

    bucket.tokens = 5;
    const firing = await eventually('the receiver is told', is('firing'), STATED_MS);
    expect(firing).toMatchObject({
      labels: { participant: PARTICIPANT, endpoint_id: 'CLAIMS_READ', severity: 'critical' },
      annotations: { runbook: 'docs/runbooks/bucket-critical.md' },
    });
    bucket.tokens = 100;
    await eventually('the receiver is told that it is over', is('resolved'), STATED_MS);
  });
});
