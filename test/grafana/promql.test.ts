/** What promtool says of the dashboards' expressions, and of the configuration that docker-compose.yml has. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { packageRoot } from '../../src/packageRoot.ts';
import { DEPLOYED } from '../prometheus/deployed.ts';
import { prometheusPrograms } from '../support/prometheus.ts';
import { describePrometheus } from '../support/prometheusSuites.ts';
import { shipped } from './files.ts';

const run = promisify(execFile);

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'balde-promql-'));
  onTestFinished(async () => await rm(made, { recursive: true, force: true }));
  return made;
}

describePrometheus('[GRAF-4] promtool', () => {
  // The first one may have to fetch Prometheus.
  test('accepts the expression of each panel', { timeout: 300_000 }, async () => {
    const { promtool } = await prometheusPrograms();
    const home = await folder();
    const expressions = shipped().flatMap(({ panels }) =>
      panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => (expr === undefined ? [] : [expr]))),
    );
    expect(expressions.length).toBeGreaterThan(20);
    // As rules, which it can check; the interval is Grafana's.
    const rules = expressions.map((expr, i) => ({
      record: `panel:${i}`,
      expr: expr.replaceAll('$__rate_interval', '1m'),
    }));
    await writeFile(join(home, 'rules.yml'), stringify({ groups: [{ name: 'panels', rules }] }));
    const { stdout } = await run(promtool, ['check', 'rules', join(home, 'rules.yml')]);
    expect(stdout).toContain(`${expressions.length} rules found`);
  });

  test('[GRAF-5] accepts the configuration of docker-compose.yml', async () => {
    const { promtool } = await prometheusPrograms();
    const home = await folder();
    await cp(join(packageRoot, 'docker', 'prometheus.yml'), join(home, 'prometheus.yml'));
    await cp(join(DEPLOYED, 'rules'), join(home, 'rules'), { recursive: true });
    const { stdout } = await run(promtool, ['check', 'config', 'prometheus.yml'], { cwd: home });
    expect(stdout).toContain('3 rule files found');
  });
});
