/**
 * Whatever is killed, and whenever: at the end the tables and the alert topic are what a straight fold of the
 * observations gives, and nothing that a poller was told is stored is missing. For any log.
 *
 * FAULTS_SEED repeats a run's choices; FAULTS_KILLS makes it longer or shorter, `npm run test:campaign` at
 * full length.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Backend } from './backend.ts';
import { figures, lengthOf } from './campaign.ts';
import type { Length } from './campaign.ts';
import { FEWEST } from './deck.ts';
import { seeded } from './seeded.ts';
import type { Seeded } from './seeded.ts';
import { startKillableServer } from './server.ts';
import type { KillableServer } from './server.ts';
import { FOLD_ROLES, published, startWorld } from './world.ts';
import type { World } from './world.ts';

const SEED = Number(process.env['FAULTS_SEED'] ?? 20_260);
const POSTGRES_SHARE = 0.2;
/**
 * A worker that finds no work is killed all the same; the next one is given twice as long, up to the limit, or a busy
 * machine would see nothing but kills of workers that still start.
 */
const PATIENCE_MS = 8_000;
const LONGEST_PATIENCE_MS = 120_000;

/** Two of each, so that every kill is also a takeover. */
const SLOTS: readonly (readonly string[])[] = [['poller'], FOLD_ROLES, ['poller', 'relay'], FOLD_ROLES];

type Kind = 'worker at work' | 'worker at start' | 'postmaster' | 'backend';

export interface KillOptions {
  readonly backend: () => Backend;
  readonly kills: Length;
}

class Killing {
  readonly kills: Record<Kind, number> = {
    'worker at work': 0,
    'worker at start': 0,
    postmaster: 0,
    backend: 0,
  };
  pollersKilled = 0;
  readonly #world: World;
  readonly #server: KillableServer;
  readonly #total: number;

  constructor(world: World, server: KillableServer, total: number) {
    this.#world = world;
    this.#server = server;
    this.#total = total;
  }

  get ofPostgres(): number {
    return this.kills.postmaster + this.kills.backend;
  }

  get ofWorkers(): number {
    return this.kills['worker at work'] + this.kills['worker at start'];
  }

  get #fewest(): number {
    return Math.min(...Object.values(this.kills));
  }

  async run(): Promise<void> {
    const { kills } = this;
    const enoughOfPostgres = (): boolean =>
      this.ofPostgres >= this.#total * POSTGRES_SHARE && Math.min(kills.postmaster, kills.backend) >= FEWEST;
    const enough = (): boolean =>
      enoughOfPostgres() && this.#fewest >= FEWEST && this.ofWorkers >= this.#total * (1 - POSTGRES_SHARE);
    await Promise.all([
      this.#killPostgres(seeded(SEED), enoughOfPostgres),
      ...SLOTS.map(async (roles, i) => this.#killWorkers(roles, seeded(SEED + 1 + i), enough)),
    ]);
  }

  /** Starts a worker again and again, and kills it: in the middle of its work, or while it is starting. */
  async #killWorkers(roles: readonly string[], random: Seeded, isEnough: () => boolean): Promise<void> {
    let patience = PATIENCE_MS;
    while (!isEnough()) {
      const worker = this.#world.start(roles);
      const atStart = random.next() < 0.2;
      const worked = worker.firstWork.then(() => true);
      const hasWorked = atStart || (await Promise.race([worked, worker.exited, delay(patience, false)]));
      if (hasWorked === false) patience = Math.min(LONGEST_PATIENCE_MS, 2 * patience);
      await Promise.race([delay(random.between(0, atStart ? 900 : 600)), worker.exited]);
      if (!worker.isRunning()) continue;
      worker.signal('SIGKILL');
      await worker.exited;
      this.kills[atStart ? 'worker at start' : 'worker at work'] += 1;
      if (roles.includes('poller')) this.pollersKilled += 1;
    }
  }

  /** Resolves once another poll is stored, so that every kill has something to destroy; not for ever. */
  async #progress(): Promise<void> {
    const seen = published(this.#world.workers);
    const more = async (): Promise<boolean> => Promise.resolve(published(this.#world.workers) > seen);
    await eventually('another poll', more, LONGEST_PATIENCE_MS).catch(() => undefined);
  }

  /** Kills Postgres again and again: the whole server, then one of its backends. */
  async #killPostgres(random: Seeded, isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      await this.#progress();
      await delay(random.between(0, 500));
      if (this.kills.postmaster <= this.kills.backend) {
        await this.#server.killPostmaster();
        this.kills.postmaster += 1;
      } else if (await this.#server.killBackend(random)) {
        this.kills.backend += 1;
      }
    }
  }
}

export function killSuite({ backend, kills: usual }: KillOptions): void {
  const total = lengthOf(usual);
  let server: KillableServer;
  let world: World;

  beforeAll(async () => {
    server = await startKillableServer();
    world = await startWorld(server.url, SEED, backend());
  });

  afterAll(async () => {
    await world.stop();
    await server.remove();
  });

  it(
    `${total} kills lose nothing, double nothing, invent nothing [FOLD-1, FOLD-2, FOLD-6, OUT-2]`,
    { timeout: 1_800_000 },
    async ({ annotate }) => {
      const startedAt = performance.now();
      const killing = new Killing(world, server, total);
      await killing.run();
      const { log, ...compared } = await world.settle();

      const { kills, pollersKilled, ofPostgres, ofWorkers } = killing;
      const polls = new Set(log.map((observation) => observation.responseTime)).size;
      const served = world.served();
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      await annotate(figures({ ...kills }, compared, seconds, SEED));

      // An answer is lost only with the poller that held it, or when another poller took over meanwhile.
      expect(polls).toBeGreaterThanOrEqual(served - pollersKilled - ofPostgres);
      expect(compared.observations).toBeGreaterThan(2 * total);
      expect(compared.alerts).toBeGreaterThan(total / 8);
      expect(compared.resolved).toBeGreaterThan(total / 12);
      expect(ofWorkers + ofPostgres).toBeGreaterThanOrEqual(total);
      // A tenth of the kills of each kind at least.
      const fewest = Math.max(FEWEST, Math.floor(total / 11));
      expect(Math.min(...Object.values(kills))).toBeGreaterThanOrEqual(fewest);
    },
  );
}
