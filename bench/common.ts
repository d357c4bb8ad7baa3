/** What the benchmarks share: a server of their own, observations to work on, medians. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EpochMs, PolicyStateObserved } from '../src/domain/events.ts';
import { observationId, pollIdentity } from '../src/domain/identity.ts';
import { EmbeddedLog } from '../src/log/embedded/embeddedLog.ts';
import { FOLDS, TOPICS } from '../src/topology/folds.ts';
import { openDatabase } from '../src/store/database.ts';
import type { Database } from '../src/store/database.ts';
import { startEmbeddedPostgres } from '../src/store/embeddedPostgres.ts';
import { migrate } from '../src/store/migrate.ts';
import { installFold } from '../src/store/installFold.ts';

export const PARTICIPANT = '12345678';
export const START: EpochMs = Date.UTC(2025, 0, 1);
export const INTERVAL_MS = 60_000;
const POLICIES = Array.from({ length: 29 }, (_, i) => `POLICY_${String(i).padStart(2, '0')}`);

/** Runs `work` on a server in a temporary folder, with the settings that the embedded default has. */
export async function onServer<T>(work: (urlOf: (database: string) => Promise<string>) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-bench-'));
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({ directory: join(folder, 'postgres') });
  const create = async (name: string): Promise<string> => {
    const database = openDatabase({ url: server.url, poolSize: 1 });
    await database.execute(`create database ${name}`);
    await database.close();
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return url.href;
  };
  try {
    return await work(create);
  } finally {
    await server.stop({ force: true });
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Installed {
  readonly database: Database;
  readonly log: EmbeddedLog;
  close(): Promise<void>;
}

/** Balde's database as `balde start` leaves it. */
export async function install(url: string): Promise<Installed> {
  await migrate(url);
  const database = openDatabase({ url });
  for (const fold of FOLDS) await installFold(database, fold);
  const log = new EmbeddedLog(database);
  for (const topic of TOPICS) await log.ensureTopic(topic);
  const close = async (): Promise<void> => {
    await log.close();
    await database.close();
  };
  return { database, log, close };
}

/** The observations of the n-th poll: levels that wander through all thresholds, each policy at its own pace. */
export function pollAt(n: number, start = START): PolicyStateObserved[] {
  const responseTime = start + n * INTERVAL_MS;
  const pollId = pollIdentity(PARTICIPANT, responseTime);
  return POLICIES.map((policy, i) => ({
    type: 'PolicyStateObserved',
    eventId: observationId(PARTICIPANT, policy, responseTime),
    participant: PARTICIPANT,
    policy,
    category: 'G',
    availableTokens: Math.round(18_000 * (0.6 + 0.55 * Math.sin((n + i * 7) / (40 + i * 11)))),
    capacity: 18_000,
    refillTokens: 600,
    refillPeriodSec: 60,
    responseTime,
    observedAt: responseTime,
    correlationId: pollId.replaceAll('-', ''),
    pollId,
  }));
}

/** The first `count` of {@link pollAt}, one after the other. */
export function* pollsUntil(count: number): Generator<readonly PolicyStateObserved[]> {
  for (let n = 0; n < count; n += 1) yield pollAt(n);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** A number from the command line, such as `--rows 5000000`. */
export function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at === -1 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${name} takes a positive whole number`);
  return value;
}
