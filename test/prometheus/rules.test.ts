import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { prometheusPrograms } from '../support/prometheus.ts';
import { describePrometheus } from '../support/prometheusSuites.ts';
import { DEPLOYED, expectations, filesIn, rules } from './deployed.ts';
import { everyMetric } from './everyMetric.ts';

const run = promisify(execFile);
const alerts = rules().filter(({ alert }) => alert !== undefined);

describePrometheus('[MET-7] what is shipped for Prometheus', () => {
  const promtool = async (...args: string[]): Promise<string> => {
    const { promtool: program } = await prometheusPrograms();
    const { stdout, stderr } = await run(program, args, { cwd: DEPLOYED });
    return stdout + stderr;
  };

  // The first one may have to fetch Prometheus.
  test('promtool accepts the rules and the configuration', { timeout: 300_000 }, async () => {
    expect(await promtool('check', 'rules', ...filesIn('rules'))).not.toMatch(/FAILED|duplicate/);
    expect(await promtool('check', 'config', 'prometheus.yml')).toContain('3 rule files found');
  });

  test('amtool accepts the example of routing', async () => {
    const { amtool } = await prometheusPrograms();
    const { stdout } = await run(amtool, ['check-config', join(DEPLOYED, 'alertmanager.yml')]);
    expect(stdout).toMatch(/SUCCESS[^]*4 receivers/);
  });

  test.each([
    ['critical', 'webhook,pagerduty'],
    ['warning', 'webhook,slack'],
  ])('an alert of severity %s goes to %s', async (severity, receivers) => {
    const { amtool } = await prometheusPrograms();
    const config = `--config.file=${join(DEPLOYED, 'alertmanager.yml')}`;
    const { stdout } = await run(amtool, [
      'config',
      'routes',
      'test',
      config,
      'alertname=BaldeX',
      `severity=${severity}`,
    ]);
    expect(stdout.trim()).toBe(receivers);
  });

  test.each(filesIn('tests').map((path) => path.slice(DEPLOYED.length + 1)))('promtool test rules %s', async (path) => {
    expect(await promtool('test', 'rules', path)).toContain('SUCCESS');
  });
});

describe('[MET-7] every alerting rule', () => {
  const expected = expectations();

  test.each(alerts.map(({ alert = '' }) => alert))('%s is tested before it fires, firing, and resolved', (alert) => {
    const fires = (expected.get(alert) ?? []).join(' ');
    expect(fires).toMatch(/false true( true)* false/);
  });

  test.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s has a severity and a runbook',
    (alert, rule) => {
      expect(['warning', 'critical']).toContain(rule.labels?.['severity']);
      expect(Object.keys(rule.annotations ?? {}).sort()).toEqual(['description', 'runbook', 'summary']);
      const text = readFileSync(join(packageRoot, rule.annotations?.['runbook'] ?? ''), 'utf8');
      expect(text).toContain(`\`${alert}\``);
      for (const heading of ['## What it means', '## Look', '## Do']) expect(text).toContain(heading);
    },
  );

  test('no runbook is without an alert', () => {
    const told = new Set(alerts.map(({ annotations }) => annotations?.['runbook']));
    const pages = readdirSync(join(packageRoot, 'docs/runbooks')).filter((name) => name !== 'README.md');
    expect(pages.map((name) => `docs/runbooks/${name}`).filter((page) => !told.has(page))).toEqual([]);
    expect(existsSync(join(packageRoot, 'docs/runbooks/README.md'))).toBe(true);
  });

  test('asks only for metrics that there are', () => {
    const known = new Set([
      'up',
      ...everyMetric().map(({ name }) => name),
      ...rules().map(({ record }) => record ?? ''),
    ]);
    const asked = rules().flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:\w+:)?(?:balde|dict_rate_limit)_\w+(?::\w+)?/g)].map(([name]) =>
        name.replace(/_bucket$/, ''),
      ),
    );
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });
});
