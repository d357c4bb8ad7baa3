/** Prometheus and Alertmanager as shipped, on ports and in a folder of their own, and who is told by them. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { homeOf } from '../support/prometheus.ts';
import type { Programs } from '../support/prometheus.ts';
import { DEPLOYED, filesIn, readYaml } from './deployed.ts';

/** One alert as a webhook is told of it. */
export interface ToldAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Takes what Alertmanager posts. */
export async function startReceiver(): Promise<{ readonly url: string; readonly told: ToldAlert[] }> {
  const told: ToldAlert[] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      told.push(...(body as { readonly alerts: readonly ToldAlert[] }).alerts);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, told };
}

interface RouteConfig {
  readonly global: object;
  readonly route: object;
  readonly receivers: readonly { readonly name: string }[];
}

/** The example with its routes; only the webhook leads anywhere. @returns `host:port` */
export async function startAlertmanager(programs: Programs, folder: string, webhook: string): Promise<string> {
  const example = readYaml(join(DEPLOYED, 'alertmanager.yml')) as RouteConfig;
  const receivers = example.receivers.map(({ name }) =>
    name === 'webhook' ? { name, webhook_configs: [{ url: webhook, send_resolved: true }] } : { name },
  );
  const route = { ...example.route, group_wait: '0s', group_interval: '1s' };
  const config = { ...example, global: {}, route, receivers };
  return await startServer(programs.alertmanager, join(folder, 'alertmanager'), config, (home, address) => [
    ...[`--config.file=${join(home, 'config.yml')}`, `--storage.path=${join(home, 'data')}`],
    ...[`--web.listen-address=${address}`, '--cluster.listen-address='],
  ]);
}

interface Watched {
  readonly balde: string;
  readonly alertmanager: string;
}

/** The shipped rules on the shipped job, looking every second. @returns `host:port` */
export async function startPrometheus(
  programs: Programs,
  folder: string,
  { balde, alertmanager }: Watched,
): Promise<string> {
  const shipped = readYaml(join(DEPLOYED, 'prometheus.yml')) as { readonly scrape_configs: readonly object[] };
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: filesIn('rules'),
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: shipped.scrape_configs.map((job) => ({
      ...job,
      scrape_timeout: '1s',
      static_configs: [{ targets: [balde] }],
    })),
  };
  return await startServer(programs.prometheus, join(folder, 'prometheus'), config, (home, address) => [
    ...[`--config.file=${join(home, 'config.yml')}`, `--storage.tsdb.path=${join(home, 'data')}`],
    `--web.listen-address=${address}`,
  ]);
}

export async function startServer(
  program: string,
  home: string,
  config: object,
  argsOf: (home: string, address: string) => string[],
): Promise<string> {
  await mkdir(home);
  await writeFile(join(home, 'config.yml'), stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(program, argsOf(home, address), { cwd: homeOf(program), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await eventually(`${program} is ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended:\n${said}`);
    return await fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return address;
}

/** What Prometheus answers to a question of its API. */
export async function ask<T>(prometheus: string, path: string): Promise<T> {
  const response = await fetch(`http://${prometheus}/api/v1/${path}`);
  return ((await response.json()) as { readonly data: T }).data;
}
