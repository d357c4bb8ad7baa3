/**
 * Rebuilds a read model: fills a new version beside the served one, catches up, proves that both agree, cuts over.
 *
 * The served version keeps serving and keeps advancing. Whatever ends a rebuild, the next one goes on where it was.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { advised } from '../advice.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Projection } from '../domain/fold.ts';
import { LogUnavailableError } from '../log/eventLog.ts';
import type { EventLog, LogMessage } from '../log/eventLog.ts';
import type { Database } from '../store/database.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import { Leases } from '../store/leases.ts';
import { createVersion, dropVersion, listVersions, setVersionState } from '../store/versions.ts';
import type { Version } from '../store/versions.ts';
import { doubling } from '../waiting.ts';
import { catchUp } from './catchUp.ts';
import { cutOver } from './cutOver.ts';
import type { CutOverReport } from './cutOver.ts';
import { Filler } from './fill.ts';
import type { FillOptions, FillReport, Filling } from './fill.ts';
import { finish } from './finish.ts';
import type { Carried } from './finish.ts';
import type { EventSource } from './source.ts';
import { compareVersions } from './verify.ts';
import type { Comparison } from './verify.ts';

/** A rebuild that can't begin or go on; the message says what to do. */
export class RebuildError extends Error {
  override readonly name = 'RebuildError';
}

export interface RebuildObserver {
  /** @param remaining messages to read; `null` when the source can't tell */
  filling(version: Version, remaining: number | null, resumed: boolean): void;
  committed(messages: number): void;
  step(what: string): void;
  retrying(error: Error, waitMs: number): void;
}

export interface RebuildOptions<E, S, T extends string> {
  readonly database: Database;
  readonly log: EventLog;
  readonly projection: Projection<E, S, T>;
  readonly source: EventSource;
  readonly decode: (message: LogMessage) => E | null;
  readonly until: EpochMs | null;
  readonly rate: number | null;
  /** Compare with the served version before anything is put in service. */
  readonly verify: boolean;
  readonly cutOver: boolean;
  /** Drop what an unfinished rebuild left, and begin anew. */
  readonly restart: boolean;
  readonly signal: AbortSignal;
  readonly observer: RebuildObserver;
  /** Fills in a way of its own, say in another thread; in this one when not given. */
  readonly fill?: (options: FillOptions<E, S, T>) => Filling;
}

export interface RebuildReport {
  readonly version: number;
  readonly resumed: boolean;
  readonly fill: FillReport;
  readonly carried: Carried;
  /** Messages read on the path of live events. */
  readonly caughtUp: number;
  readonly comparison: Comparison | null;
  /** `null` when it was not put in service. */
  readonly cutOver: CutOverReport | null;
}

/** @throws {RebuildError} also when the versions differ: nothing is put in service then */
export async function rebuild<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
): Promise<RebuildReport> {
  const { database, projection, signal } = options;
  const leases = new Leases(database, LEASE_MS);
  try {
    await beginAlone(leases, projection.name, signal);
    return await rebuildAlone(options);
  } finally {
    await leases.close();
  }
}

/** Without renewal, as when its process is stopped, a rebuild's lease ends after this long. Milliseconds. */
const LEASE_MS = 10_000;
/** The session of a process that was killed lingers for a moment. Milliseconds. */
const LEASE_PATIENCE_MS = 3_000;

export const rebuildLease = (name: string): string => `rebuild/${name}`;

async function beginAlone(leases: Leases, name: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + LEASE_PATIENCE_MS;
  while ((await leases.take(rebuildLease(name), signal)) === null) {
    if (performance.now() > until)
      throw new RebuildError(
        `another rebuild of ${name} is running: wait for it, or stop it; one that was killed behind a pooler counts as running for ${LEASE_MS / 1_000} s`,
      );
    await delay(100, undefined, { signal });
  }
}

async function rebuildAlone<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
): Promise<RebuildReport> {
  const { database, projection, observer, until } = options;
  const { build, resumed } = await chooseVersion(options);
  const versions = await listVersions(database, projection.name);
  const older = versions.find(({ served }) => served) ?? null;
  let fill: FillReport = { events: 0, poison: 0, expired: 0 };
  let carried: Carried = { rows: 0, newest: null };
  if (build.state === 'filling') {
    // Broken off by an outage it goes on from its last commit: the parts add up.
    const parts: FillReport[] = [];
    await patiently(options, async () => await fillOnce(options, build, older, resumed, parts));
    fill = parts.reduce((a, b) => ({
      events: a.events + b.events,
      poison: a.poison + b.poison,
      expired: a.expired + b.expired,
    }));
    observer.step('building indexes');
    carried = await patiently(options, async () =>
      finish({
        database,
        projection,
        build,
        older,
        until,
        onMonth: (month) => observer.step(`index of ${new Date(month).toISOString().slice(0, 7)}`),
      }),
    );
  }
  const base = { version: build.version, resumed, fill, carried };
  if (until !== null) return { ...base, caughtUp: 0, comparison: null, cutOver: null };
  observer.step('catching up');
  const follow = async (): Promise<number> =>
    await patiently(options, async () => await catchUp({ ...options, build }));
  const caughtUp = await follow();
  const comparison = options.verify && older !== null ? await compare(options, build, older, follow) : null;
  if (!options.cutOver) {
    await setVersionState(database, build, 'live');
    return { ...base, caughtUp, comparison, cutOver: null };
  }
  observer.step('cutting over');
  const done = await cutOver({
    database,
    to: build,
    catchUp: follow,
    signal: options.signal,
    onWaiting: (attempt) =>
      observer.step(`cutting over: readers hold the views open, attempt ${attempt + 1}`),
  });
  return { ...base, caughtUp, comparison, cutOver: done };
}

async function chooseVersion<E, S, T extends string>({
  database,
  projection,
  source,
  until,
  restart,
}: RebuildOptions<E, S, T>): Promise<{ readonly build: Version; readonly resumed: boolean }> {
  const unfinished = (await listVersions(database, projection.name)).filter(
    ({ state }) => state === 'filling' || state === 'catching_up',
  );
  if (restart) for (const version of unfinished) await dropVersion(database, version);
  const [left] = restart ? [] : unfinished;
  if (left === undefined) {
    const made = await createVersion(database, projection, { source: source.description, until });
    return { build: made, resumed: false };
  }
  const same =
    left.source === source.description && left.until === until && left.revision === projection.version;
  if (same) return { build: left, resumed: true };
  throw new RebuildError(
    `version ${left.version} of ${projection.name} was begun from ${left.source ?? 'the log'} and not finished: ` +
      `give the same options to go on with it, or --restart to drop it and begin anew`,
  );
}

async function fillOnce<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
  build: Version,
  older: Version | null,
  resumed: boolean,
  parts: FillReport[],
): Promise<void> {
  const { database, log, projection, source, observer, signal } = options;
  const partitions = await log.partitions(projection.topic);
  const after = new Map(
    (
      await database.query<{ partition: number; position: string | null }>(
        `select partition, position from balde.checkpoint where fold = $1 and version = $2`,
        [build.name, build.version],
      )
    ).map(({ partition, position }) => [partition, position]),
  );
  const remaining = await source.count({ topic: projection.topic, after, signal });
  observer.filling(build, remaining, resumed || [...after.values()].some((position) => position !== null));
  const onCommitted = (messages: number): void => observer.committed(messages);
  const given = { ...options, build, older, partitions, onCommitted };
  const filling = options.fill?.(given) ?? new Filler(given);
  try {
    await filling.run();
  } finally {
    parts.push(filling.report);
  }
}

async function compare<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
  build: Version,
  older: Version,
  follow: () => Promise<number>,
): Promise<Comparison> {
  const { database, projection, signal, observer } = options;
  let looks = 0;
  const comparison = await compareVersions({
    database,
    projection,
    left: older,
    right: build,
    catchUp: async () => {
      await follow();
      looks += 1;
      // The processors bring the served version along, as long as there are any.
      if (looks > 1) await patiently(options, async () => await catchUp({ ...options, build: older }));
    },
    signal,
    onMonth: (month) => observer.step(`comparing ${new Date(month).toISOString().slice(0, 7)}`),
  });
  if (comparison.differences.length > 0 || comparison.apart.length > 0) {
    await setVersionState(database, build, 'live');
    throw new RebuildDiffersError(comparison);
  }
  return comparison;
}

/** The new version is kept, and kept up to date, to be looked into; the old one stays in service. */
export class RebuildDiffersError extends RebuildError {
  readonly comparison: Comparison;

  constructor(comparison: Comparison) {
    super(
      `versions ${comparison.left} and ${comparison.right} differ: nothing was put in service. ` +
        `Look into it with balde verify, then put the new one in service with balde projections cut-over, or drop it`,
    );
    this.comparison = comparison;
  }
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * A step that an outage broke off is begun again from its last commit, until told to stop. Waits begin from the smallest
 * again after an attempt that went well for longer than the longest of them.
 */
async function patiently<R>(
  { signal, observer }: { readonly signal: AbortSignal; readonly observer: RebuildObserver },
  step: () => Promise<R>,
): Promise<R> {
  let waits = doubling(FIRST_WAIT_MS, LONGEST_WAIT_MS);
  for (let failures = 1; ; failures += 1) {
    const startedAt = performance.now();
    try {
      return await step();
    } catch (error) {
      const passes = error instanceof DatabaseUnavailableError || error instanceof LogUnavailableError;
      if (!passes || signal.aborted) throw error;
      if (performance.now() - startedAt > LONGEST_WAIT_MS) waits = doubling(FIRST_WAIT_MS, LONGEST_WAIT_MS);
      const waitMs = waits.next().value;
      observer.retrying(advised(error, failures), waitMs);
      await delay(waitMs, undefined, { signal });
    }
  }
}
