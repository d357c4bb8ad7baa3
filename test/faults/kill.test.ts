/**
 * Whatever is killed, and whenever: at the end the tables and the alert topic are what a straight fold of the
 * observations gives, and nothing that a poller was told is stored is missing.
 *
 * FAULTS_SEED repeats a run's choices; FAULTS_KILLS makes it longer or shorter.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { seeded } from './seeded.ts';
import type { Seeded } from './seeded.ts';
import { startKillableServer } from './server.ts';
import type { KillableServer } from './server.ts';
import { FOLD_ROLES, published, startWorld } from './world.ts';
import type { World } from './world.ts';

const SEED = Number(process.env['FAULTS_SEED'] ?? 20_260);
const KILLS = Number(process.env['FAULTS_KILLS'] ?? 220);
const POSTGRES_SHARE = 0.2;
const LEAST_OF_EACH = 20;
/** A worker that finds no work is killed all the same. */
const PATIENCE_MS = 8_000;

/** Two of each, so that every kill is also a takeover. */
const SLOTS: readonly (readonly string[])[] = [['poller'], FOLD_ROLES, ['poller', 'relay'], FOLD_ROLES];

type Kind = 'worker at work' | 'worker at start' | 'postmaster' | 'backend';

let server: KillableServer;
let world: World;
const kills: Record<Kind, number> = {
  'worker at work': 0,
  'worker at start': 0,
  postmaster: 0,
  backend: 0,
};
let pollersKilled = 0;

beforeAll(async () => {
  server = await startKillableServer();
  world = await startWorld(server.url, SEED);
});

afterAll(async () => {
  await world.stop();
  await server.remove();
});

/** Starts a worker again and again, and kills it: in the middle of its work, or while it is starting. */
async function killWorkers(roles: readonly string[], random: Seeded, isEnough: () => boolean): Promise<void> {
  while (!isEnough()) {
    const worker = world.start(roles);
    const atStart = random.next() < 0.2;
    if (!atStart) await Promise.race([worker.firstWork, worker.exited, delay(PATIENCE_MS)]);
    await Promise.race([delay(random.between(0, atStart ? 900 : 600)), worker.exited]);
    if (!worker.isRunning()) continue;
    worker.signal('SIGKILL');
    await worker.exited;
    kills[atStart ? 'worker at start' : 'worker at work'] += 1;
    if (roles.includes('poller')) pollersKilled += 1;
  }
}

/** Resolves once another poll is stored, so that every kill has something to destroy; not for ever. */
async function progress(): Promise<void> {
  const seen = published(world.workers);
  const more = async (): Promise<boolean> => Promise.resolve(published(world.workers) > seen);
  await eventually('another poll', more, 2 * PATIENCE_MS).catch(() => undefined);
}

/** Kills Postgres again and again: the whole server, then one of its backends. */
async function killPostgres(random: Seeded, isEnough: () => boolean): Promise<void> {
  while (!isEnough()) {
    await progress();
    await delay(random.between(0, 500));
    if (kills.postmaster <= kills.backend) {
      await server.killPostmaster();
      kills.postmaster += 1;
    } else if (await server.killBackend(random)) {
      kills.backend += 1;
    }
  }
}

const ofPostgres = (): number => kills.postmaster + kills.backend;
const ofWorkers = (): number => kills['worker at work'] + kills['worker at start'];

async function killEverything(): Promise<void> {
  const enoughOfPostgres = (): boolean => ofPostgres() >= KILLS * POSTGRES_SHARE;
  const enough = (): boolean => enoughOfPostgres() && ofWorkers() >= KILLS * (1 - POSTGRES_SHARE);
  await Promise.all([
    killPostgres(seeded(SEED), enoughOfPostgres),
    ...SLOTS.map(async (roles, i) => killWorkers(roles, seeded(SEED + 1 + i), enough)),
  ]);
}

it(
  `${KILLS} kills lose nothing, double nothing, invent nothing [FOLD-1, FOLD-2, FOLD-6, OUT-2]`,
  { timeout: 600_000 },
  async ({ annotate }) => {
    const startedAt = performance.now();
    await killEverything();
    const { log, ...compared } = await world.settle();

    const polls = new Set(log.map((observation) => observation.responseTime)).size;
    const served = world.served();
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    await annotate(JSON.stringify({ seed: SEED, kills, seconds, served, polls, ...compared }));

    // An answer is lost only with the poller that held it, or when another poller took over meanwhile.
    expect(polls).toBeGreaterThanOrEqual(served - pollersKilled - ofPostgres());
    expect(compared.observations).toBeGreaterThan(2 * KILLS);
    expect(compared.alerts).toBeGreaterThan(30);
    expect(compared.resolved).toBeGreaterThan(20);
    expect(ofWorkers() + ofPostgres()).toBeGreaterThanOrEqual(KILLS);
    if (KILLS >= 200) expect(Math.min(...Object.values(kills))).toBeGreaterThanOrEqual(LEAST_OF_EACH);
  },
);
