/** A pod of the manifests, lived through as a kubelet does: its commands, probes and end, by a Balde that runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { startSimulator } from '../../src/simulator/server.ts';
import type { Simulator } from '../../src/simulator/server.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { balde } from '../cli/balde.ts';
import { emptyDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { run } from '../support/running.ts';
import { deploymentsOf, environmentOf, OVERLAYS } from './pods.ts';
import type { Container } from './pods.ts';

const [deployment] = deploymentsOf(OVERLAYS[0]);
const pod = deployment?.spec.template.spec ?? expect.fail('no pod');
const [container] = pod.containers;
const [migrate] = pod.initContainers;

/**
 * What a file system that can only be read is to Node: nothing may be written, by whatever path; standard output and
 * error, and the database's sockets, are no files.
 */
const PERMISSION = ['--permission', '--experimental-permission'].find((flag) =>
  process.allowedNodeEnvironmentFlags.has(flag),
);
const READ_ONLY = `${PERMISSION ?? '--permission'} --allow-fs-read=*`;

let simulator: Simulator;
let folder: string;
let environment: Record<string, string>;
let database: Database;
let name: string;

beforeAll(async () => {
  simulator = await startSimulator({ scenario: 'lively' });
  folder = await mkdtemp(join(tmpdir(), 'balde-pod-'));
  const empty = await emptyDatabase();
  ({ database } = empty);
  name = new URL(empty.url).pathname.slice(1);
  await writeFile(join(folder, 'database-url'), empty.url);
  await writeFile(join(folder, 'http-token'), 'in-place-of-what-openssl-prints');
  const settings = environmentOf(OVERLAYS[0], container);
  const mounted = Object.entries(settings).map(([setting, value]): [string, string] => [
    setting,
    value.startsWith('/run/secrets/') ? join(folder, basename(value)) : value,
  ]);
  const bridge = { BRIDGE_ADDRESS: simulator.address, BRIDGE_TLS: 'false' };
  environment = { ...Object.fromEntries(mounted), ...bridge, NODE_OPTIONS: READ_ONLY };
});

afterAll(async () => {
  await simulator.close();
  await rm(folder, { recursive: true, force: true });
});

/** Ends the database's sessions and lets no new ones in, or lets them in again. */
async function letIn(allowed: boolean): Promise<void> {
  const server = openDatabase({ url: inject('postgresUrl'), poolSize: 1 });
  try {
    await server.execute(`alter database ${name} with allow_connections ${String(allowed)}`);
    if (!allowed)
      await server.execute(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
  } finally {
    await server.close();
  }
}

it(
  'is ready when its database is, lives on without it, and drains within its grace period [OPS-42, OPS-43]',
  { timeout: 120_000 },
  async () => {
    const { NODE_OPTIONS: _none, ...plain } = environment;
    expect((await balde(migrate?.args ?? [], plain)).code).toBe(0);
    const started = run(container.args, environment);
    onTestFinished(async () => {
      await started.stop();
    });
    await started.says(/metrics +http:\S+\/metrics/);
    const url = /metrics +(http:\S+)\/metrics/.exec(started.stdout())?.[1] ?? '';
    const asked = async (probe: Container['livenessProbe']): Promise<number> =>
      (await fetch(`${url}${probe?.httpGet.path ?? '/no-probe'}`)).status;
    const ready = async (status: number): Promise<void> => {
      await eventually(`readiness is ${status}`, async () => (await asked(container.readinessProbe)) === status);
      expect([await asked(container.startupProbe), await asked(container.livenessProbe)]).toEqual([200, 200]);
    };
    await ready(200);
    await eventually('observations arrive', async () => (await fetch(`${url}/readyz`)).status === 200);

    const [newest] = await database.query<{ name: string }>(
      `with newest as (select max(id) as id from balde_migrations.migration)
       delete from balde_migrations.migration using newest where migration.id = newest.id returning migration.name`,
    );
    const missing = newest?.name ?? expect.fail('no migration');
    await ready(503);
    expect(await (await fetch(`${url}/readyz`)).text()).toContain(missing);
    await database.execute('insert into balde_migrations.migration (name, run_on) values ($1, now())', [missing]);
    await ready(200);

    await letIn(false);
    await ready(503);
    await letIn(true);
    await ready(200);

    const { annotations } = deployment?.spec.template.metadata ?? expect.fail('no pod');
    expect((await fetch(`${url}${annotations['prometheus.io/path'] ?? ''}`)).status).toBe(200);

    // What takes longer is killed.
    const patience = delay(pod.terminationGracePeriodSeconds * 1_000, 'killed', { ref: false });
    expect(await Promise.race([started.stop(), patience])).toBe(0);
    expect(started.stdout().trimEnd().split('\n').at(-1)).toBe('stopped: what was read is committed');
    expect(started.stderr()).not.toContain('ERR_ACCESS_DENIED');
  },
);
