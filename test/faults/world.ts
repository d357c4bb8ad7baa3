/** A simulated Bridge that outlives the workers, and the workers that poll it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { acceleratedClock } from '../../src/simulator/clocks.ts';
import { required } from '../../src/required.ts';
import type { Faults } from '../../src/simulator/faults.ts';
import type { ScenarioName } from '../../src/simulator/scenario.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import { DEAD_LETTER_TOPICS, FOLD_NAMES } from '../../src/topology/folds.ts';
import { expectDatabaseEqualsOracle } from '../oracle/compare.ts';
import type { Compared } from '../oracle/compare.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { eventually } from '../support/eventually.ts';
import { catchUp, inspect, lostAcknowledged } from './aftermath.ts';
import type { Inspection } from './aftermath.ts';
import { EMBEDDED } from './backend.ts';
import type { Backend, Settings } from './backend.ts';
import { startWorker } from './worker.ts';
import type { Worker } from './worker.ts';

export const FOLD_ROLES = [...FOLD_NAMES, 'relay'];
export const ALL_ROLES = ['poller', ...FOLD_ROLES];

const PARTICIPANT = '12345678';
/** In partitions of their own. */
export const TWO_PARTICIPANTS = ['12345675', PARTICIPANT];
/** One for each of four partitions; the last three are in partitions 4 and 5 of six. */
export const FOUR_PARTICIPANTS = ['12345673', '12345675', '12345676', PARTICIPANT];
export const HOUR = 3_600_000;
/** 30 simulated seconds between polls: what POLICIES_LIST takes. 20 h into the past leave room for 8 minutes. */
export const SPEED = 150;

export interface World {
  readonly workers: readonly Worker[];
  /**
   * @param settings beside those of the log
   * @param program another build than this project's
   */
  start(roles: readonly string[], settings?: Settings, program?: string): Worker;
  /** Answers the Bridge gave. */
  served(): number;
  /** Tokens left of a policy now. */
  tokensOf(policy: string): number;
  /** What can go wrong with the Bridge. */
  readonly faults: Faults;
  /** Lets the folds catch up with nobody polling, then compares everything with the oracle. */
  /** @param unlike see {@link expectDatabaseEqualsOracle} */
  settle(unlike?: readonly string[]): Promise<Compared>;
  /** Ends every worker, whatever state it is in, and removes what they left in the log. */
  stop(): Promise<void>;
}

export async function startWorld(
  databaseUrl: string,
  seed: number,
  backend: Backend = EMBEDDED,
  {
    clock = acceleratedClock(Date.now() - 20 * HOUR, SPEED),
    participants = [PARTICIPANT],
    ...traffic
  }: {
    readonly clock?: Clock;
    readonly participants?: readonly string[];
    readonly scenario?: ScenarioName;
    /** Told of each call that the Bridge answered or refused. */
    readonly onCall?: (line: string) => void;
  } = {},
): Promise<World> {
  const startAt = clock.now();
  const simulator = await startSimulator({
    seed,
    scenario: traffic.scenario ?? 'storm',
    clock,
    log: (line) => traffic.onCall?.(line),
    categoryChanges: (['F', 'H', 'G'] as const).map((category, i) => ({
      at: startAt + (i + 1) * 0.5 * HOUR,
      category,
    })),
  });
  const folder = await mkdtemp(join(tmpdir(), 'balde-world-'));
  const others = participants.filter((participant) => participant !== PARTICIPANT);
  const bridge = { address: simulator.address };
  await writeFile(
    join(folder, 'balde.json'),
    JSON.stringify({ participants: others.map((participant) => ({ participant, bridge })) }),
  );
  const workers: Worker[] = [];
  const start = (roles: readonly string[], settings: Settings = {}, program?: string): Worker => {
    const bridgeAddress = simulator.address;
    const worker = startWorker({
      databaseUrl,
      roles,
      participant: PARTICIPANT,
      bridgeAddress,
      ...(program === undefined ? {} : { program }),
      settings: { BALDE_CONFIG: join(folder, 'balde.json'), ...backend.settings, ...settings },
    });
    workers.push(worker);
    return worker;
  };
  return {
    workers,
    start,
    served: () => simulator.served(PARTICIPANT),
    tokensOf: (policy) => required(simulator.buckets(PARTICIPANT).get(policy), `there is ${policy}`).tokens,
    faults: simulator.faults,
    settle: async (unlike = []) => await settle(inspect(databaseUrl, backend), start(FOLD_ROLES), { workers, unlike }),
    stop: async () => {
      for (const worker of workers) worker.signal('SIGKILL');
      await Promise.all(workers.map(async (worker) => worker.exited));
      await simulator.close();
      await backend.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function settle(
  inspection: Inspection,
  last: Worker,
  { workers, unlike }: { readonly workers: readonly Worker[]; readonly unlike: readonly string[] },
): Promise<Compared> {
  const { database, log } = inspection;
  try {
    await catchUp(database, log);
    // With nothing left to catch up, it may still be starting.
    await eventually('the last worker runs', async () =>
      Promise.resolve(last.text.some((line) => line.startsWith('Balde starts'))),
    );
    last.signal('SIGTERM');
    expect(await last.exited).toBe(0);
    const compared = await expectDatabaseEqualsOracle(database, log, unlike);
    for (const { spec } of DEAD_LETTER_TOPICS) expect(await readTopicOnce(log, spec.name)).toEqual([]);
    expect(lostAcknowledged(workers, compared.log)).toEqual([]);
    expect(workers.flatMap((worker) => worker.text).filter((line) => line.includes('defect'))).toEqual([]);
    return compared;
  } finally {
    await inspection.close();
  }
}

/** Resolves with the number of polls that workers were told are stored. */
export const published = (workers: readonly Worker[]): number =>
  workers.flatMap((worker) => worker.lines).filter((line) => line.msg === 'observations published').length;
