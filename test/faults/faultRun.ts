/** A run of many faults at once: to workers, each in its own lane, and to the servers they stand on. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KillableBroker, Way } from './broker.ts';
import { Deck, TO_SERVERS, TO_WORKERS } from './deck.ts';
import type { Fault } from './deck.ts';
import type { Journal } from './journal.ts';
import type { OnPulsar } from './onPulsar.ts';
import { seeded } from './seeded.ts';
import type { Seeded } from './seeded.ts';
import type { KillableServer } from './server.ts';
import type { Worker } from './worker.ts';
import { FOLD_ROLES, published } from './world.ts';
import type { World } from './world.ts';

/** A worker that finds no work is hit all the same. */
const PATIENCE_MS = 10_000;
/** The broker of these runs takes the partitions of a stopped worker away within 6 s. */
const PAUSE_MS = [3_000, 12_000] as const;
const SILENCE_MS = [2_000, 20_000] as const;

interface Lane {
  readonly roles: readonly string[];
  /** How its workers reach the broker. */
  readonly way: Way | null;
}

export interface FaultRunOptions {
  readonly seed: number;
  readonly faults: number;
  readonly world: World;
  readonly broker: KillableBroker;
  readonly pulsar: OnPulsar;
  readonly postgres: KillableServer;
  readonly journal: Journal;
}

export class FaultRun {
  readonly #options: FaultRunOptions;
  readonly #toWorkers: Deck;
  readonly #toServers: Deck;
  readonly #lanes: readonly Lane[];

  constructor(options: FaultRunOptions) {
    this.#options = options;
    this.#toWorkers = new Deck(TO_WORKERS, options.faults, options.seed);
    this.#toServers = new Deck(TO_SERVERS, options.faults, options.seed + 1);
    // Two of each role, one of them behind a proxy.
    const [first, second] = options.broker.ways;
    this.#lanes = [
      { roles: ['poller'], way: null },
      { roles: FOLD_ROLES, way: null },
      { roles: ['poller', 'relay'], way: first ?? null },
      { roles: FOLD_ROLES, way: second ?? null },
    ];
  }

  get dealt(): Partial<Record<Fault, number>> {
    return { ...this.#toWorkers.dealt, ...this.#toServers.dealt };
  }

  /** Resolves once every fault was dealt; no worker runs then. */
  async run(): Promise<void> {
    const { seed } = this.#options;
    let serversDone = false;
    const servers = this.#hitServers(seeded(seed + 2)).finally(() => (serversDone = true));
    const lanes = this.#lanes.map(async (lane, i) => this.#hitWorkers(lane, seeded(seed + 3 + i), () => serversDone));
    await Promise.all([servers, ...lanes]);
  }

  /** One lane: a worker is always running in it, or about to be. */
  async #hitWorkers(lane: Lane, random: Seeded, isOver: () => boolean): Promise<void> {
    const fits = (fault: Fault): boolean =>
      fault === 'half-open' ? lane.way !== null : fault !== 'rival' || lane.roles.includes('poller');
    let worker = this.#start(lane);
    for (;;) {
      const fault = this.#toWorkers.draw(fits);
      // The servers' faults need workers to hit until the last of them.
      if (fault === null && isOver()) break;
      if (fault !== 'kill at start') await this.#untilAtWork(worker);
      await Promise.race([delay(random.between(0, 700)), worker.exited]);
      if (fault === null) await Promise.race([delay(500), worker.exited]);
      else await this.#hit(fault, lane, worker, random);
      if (!worker.isRunning()) worker = this.#start(lane);
    }
    await this.#kill(worker);
  }

  async #untilAtWork(worker: Worker): Promise<void> {
    await Promise.race([worker.firstWork, worker.exited, delay(PATIENCE_MS)]);
  }

  async #hit(fault: Fault, lane: Lane, worker: Worker, random: Seeded): Promise<void> {
    this.#options.journal.note(`${fault}: worker ${worker.pid}, ${lane.roles.join(', ')}`);
    if (fault === 'pause') {
      worker.signal('SIGSTOP');
      await delay(random.between(...PAUSE_MS));
      worker.signal('SIGCONT');
    } else if (fault === 'half-open') {
      lane.way?.silence();
      await Promise.race([delay(random.between(...SILENCE_MS)), worker.exited]);
    } else if (fault === 'rival') {
      await this.#race(lane, worker, random);
    } else {
      await this.#kill(worker);
    }
  }

  /** Two pollers of one lane: in the end one is killed and the other told to stop, in either order. */
  async #race(lane: Lane, worker: Worker, random: Seeded): Promise<void> {
    const rival = this.#start(lane);
    await Promise.race([delay(random.between(1_000, 4_000)), rival.exited]);
    const [killed, stopped] = random.next() < 0.5 ? [worker, rival] : [rival, worker];
    await this.#kill(killed);
    stopped.signal('SIGTERM');
    await stopped.exited;
  }

  #start(lane: Lane): Worker {
    const settings = lane.way === null ? {} : this.#options.pulsar.settingsBy(lane.way);
    return this.#options.world.start(lane.roles, settings);
  }

  async #kill(worker: Worker): Promise<void> {
    worker.signal('SIGKILL');
    await worker.exited;
  }

  async #hitServers(random: Seeded): Promise<void> {
    const { postgres, broker, journal } = this.#options;
    await this.#progress(2);
    await this.#backUp();
    let untilBackup = 0;
    for (;;) {
      const fault = this.#toServers.draw(() => true);
      if (fault === null) return;
      await this.#progress(1);
      await delay(random.between(0, 800));
      journal.note(fault);
      if (fault === 'kill broker') await broker.kill();
      else if (fault === 'kill Postgres') await postgres.killPostmaster();
      else await postgres.restore();
      journal.note(`${fault}: back`);
      // A backup is from 0 to 5 faults old when it is restored, or older: some are restored twice.
      untilBackup -= 1;
      if (untilBackup <= 0) {
        await this.#progress(1);
        await this.#backUp();
        untilBackup = Math.floor(random.between(2, 6));
      }
    }
  }

  async #backUp(): Promise<void> {
    this.#options.journal.note('backup');
    await this.#options.postgres.backUp();
  }

  /** Resolves once more polls are stored, so that every fault has something to destroy; not for ever. */
  async #progress(polls: number): Promise<void> {
    const { workers } = this.#options.world;
    const until = published(workers) + polls;
    const end = performance.now() + 2 * PATIENCE_MS;
    while (published(workers) < until && performance.now() < end) await delay(100);
  }
}
