/**
 * From an earlier commit to this one, back, and forward again: one process at a time, as a rollout does, while a
 * simulated Bridge is polled. `UPGRADE_FROM` names another commit.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Backend } from '../faults/backend.ts';
import type { Worker } from '../faults/worker.ts';
import { published, startWorld, TWO_PARTICIPANTS } from '../faults/world.ts';
import type { World } from '../faults/world.ts';
import { emptyDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

const run = promisify(execFile);

/** Before forecasts and rollups. */
const FROM = process.env['UPGRADE_FROM'] ?? '7509b51';
const BUCKETS = TWO_PARTICIPANTS.length * 29;
/** Polls between two replacements, each with 29 observations. */
const BETWEEN = 30;

const hasCommit = await run('git', ['cat-file', '-e', `${FROM}^{commit}`], { cwd: packageRoot }).then(
  () => true,
  () => false,
);

/** The program of the earlier commit, built in a folder of its own with the packages of this one. */
async function buildBefore(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-before-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const [archive, source] = [join(folder, 'source.tar'), join(folder, 'source')];
  await mkdir(source);
  await run('git', ['archive', '--output', archive, FROM], { cwd: packageRoot });
  await run('tar', ['-xf', archive, '-C', source]);
  await symlink(join(packageRoot, 'node_modules'), join(source, 'node_modules'));
  await run(process.execPath, [join(source, 'tools', 'prepare.cjs')], { cwd: source });
  return join(source, 'dist', 'src', 'cli', 'balde.js');
}

/** One process: its roles in the program of before, and in this one. */
export interface Group {
  readonly before: readonly string[];
  readonly now: readonly string[];
}

interface Seen {
  readonly buckets: number;
  readonly history: number;
}

/** What readers of the views see, all the time. */
async function watch(url: string, signal: AbortSignal): Promise<Seen[]> {
  const database = openDatabase({ url, poolSize: 1 });
  const seen: Seen[] = [];
  try {
    while (!signal.aborted) {
      const rows = await database.query<Seen>(
        `select (select count(*) from v_dict_rate_limit_latest_states) as buckets,
                (select count(*) from dict_rate_limit_states) as history`,
      );
      seen.push(...rows);
      await delay(50);
    }
    return seen;
  } finally {
    await database.close();
  }
}

const starts = async (worker: Worker): Promise<void> => {
  const isSo = async (): Promise<boolean> =>
    Promise.resolve(worker.text.some((line) => line.startsWith('Balde starts')));
  await eventually('a process starts', isSo);
};

async function polled({ workers }: World): Promise<void> {
  const until = published(workers) + BETWEEN;
  await eventually('more polls', async () => Promise.resolve(published(workers) >= until), 60_000);
}

/** Read models of another revision are built by this program first, beside old processes (docs/read-models.md). */
async function rebuildFirst(url: string, { settings }: Backend): Promise<void> {
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  const { PATH } = process.env;
  const env = { PATH, DATABASE_URL: url, PULSAR_URL: '', ...settings };
  for (const command of [['migrate'], ['rebuild', 'states'], ['rebuild', 'alerts']])
    await run(process.execPath, [program, ...command, '--json'], { env });
}

/** The groups one after the other, each new process started before the old one is told to stop. */
async function replace(world: World, running: Worker[], order: readonly number[], start: (i: number) => Worker) {
  for (const i of order) {
    const coming = start(i);
    await starts(coming);
    running[i]?.signal('SIGTERM');
    expect(await running[i]?.exited).toBe(0);
    running[i] = coming;
    await polled(world);
  }
}

/** What the program of before told of an alert otherwise: no estimates, bounds without a tolerance, other roundings. */
const UNLIKE = [
  ...['consumption_rate_per_minute', 'consumption_rate_low_per_minute'],
  ...['exhaustion_projection_seconds', 'recovery_eta_seconds'],
];

/** @param groups in the order in which an upgrade replaces them; the way back has the reverse one */
export function upgrades(backend: () => Backend, groups: readonly Group[]): void {
  const title = `from ${FROM}, back and forward again: nothing is lost or doubled, no view is empty [OPS-45]`;
  it(title, { timeout: 900_000 }, async ({ annotate, skip }) => {
    if (!hasCommit) skip(`${FROM} is not in this repository's history: nothing to upgrade from`);
    const program = await buildBefore();
    const { url } = await emptyDatabase();
    const on = backend();
    const world = await startWorld(url, 21, on, { participants: TWO_PARTICIPANTS });
    onTestFinished(async () => await world.stop());
    const began = performance.now();
    const old = (i: number): Worker => world.start(groups[i]?.before ?? [], {}, program);
    const current = (i: number): Worker => world.start(groups[i]?.now ?? []);

    const forward = groups.map((_, i) => i);
    const running = forward.map(old);
    await Promise.all(running.map(starts));
    await polled(world);
    const stopping = new AbortController();
    const watching = watch(url, stopping.signal);
    await rebuildFirst(url, on);
    await replace(world, running, forward, current);
    await replace(world, running, forward.toReversed(), old);
    await replace(world, running, forward, current);
    for (const worker of running) worker.signal('SIGTERM');
    expect(await Promise.all(running.map(async ({ exited }) => await exited))).toEqual(running.map(() => 0));
    stopping.abort();
    const seen = await watching;
    const { observations, alerts } = await world.settle(UNLIKE);
    expect(seen.filter(({ buckets }) => buckets !== BUCKETS)).toEqual([]);
    expect(seen.filter(({ history }, i) => history < (seen[i - 1]?.history ?? 0))).toEqual([]);
    expect(alerts).toBeGreaterThan(10);
    const seconds = Math.round((performance.now() - began) / 1_000);
    await annotate(
      `${3 * groups.length} replacements in ${seconds} s: 0 lost, 0 doubled of ${observations} observations and ` +
        `${alerts} alerts; views read ${seen.length} times, never empty`,
    );
  });
}
