/**
 * Rebuilds a read model: fills a new version beside the served one, catches up, proves that both agree, cuts over.
 *
 * The served version keeps serving and keeps advancing. Whatever ends a rebuild, the next one goes on where it was.
 */
import type { EpochMs } from '../domain/events.ts';
import type { Projection } from '../domain/fold.ts';
import type { EventLog, LogMessage } from '../log/eventLog.ts';
import type { Database, Sql } from '../store/database.ts';
import { CheckpointConflictError } from '../store/errors.ts';
import { readFirst, rememberFirst, rememberOther } from '../store/firstMessages.ts';
import type { FirstMessages } from '../store/firstMessages.ts';
import { runParts } from '../store/parts.ts';
import { schemaOf } from '../store/schemas.ts';
import type { ReadModelSql } from '../store/schemas.ts';
import { createVersion, dropVersion, listVersions, setVersionState } from '../store/versions.ts';
import type { Version } from '../store/versions.ts';
import { Alone } from './alone.ts';
import { findBeginnings } from './beginnings.ts';
import type { Beginnings } from './beginnings.ts';
import { bringAlong } from './catchUp.ts';
import { cutOver } from './cutOver.ts';
import type { CutOverReport } from './cutOver.ts';
import { RebuildError } from './errors.ts';
import { Filler } from './fill.ts';
import type { FillOptions, FillReport, Filling } from './fill.ts';
import { finish } from './finish.ts';
import { patiently } from '../patience.ts';
import { isOutage } from '../errors.ts';
import type { Patience } from '../patience.ts';
import { assertFits } from './olderTables.ts';
import type { EventSource } from './source.ts';
import { readUnlogged } from './unlogged.ts';
import type { Unlogged } from './unlogged.ts';
import { compareVersions, wasNothingCompared } from './verify.ts';
import type { Comparison } from './verify.ts';

export { rebuildLease } from './alone.ts';

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
  /** Its tables and views; by default those of this program. */
  readonly sql?: ReadModelSql;
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
  /** First and longest wait after an outage, milliseconds. */
  readonly waitsMs?: Patience['waitsMs'];
}

/** Rows of the version in service for which the source had no event. */
interface Carried {
  /** Rows of growing tables taken over: the source does not reach back to their events. */
  readonly rows: number;
  /** Time of the newest of them; `null` when there are none. */
  readonly newest: EpochMs | null;
  /** All that was taken over, current rows too, by table, month and bucket: nothing of it was checked. */
  readonly takenOver: readonly Unlogged[];
  /** What was left out: the source reaches back to them, and has no event of theirs. */
  readonly leftOut: readonly Unlogged[];
}

export interface RebuildReport {
  readonly version: number;
  readonly resumed: boolean;
  readonly fill: FillReport;
  /** How far the source reaches back; `null` when the filling had ended before. */
  readonly beginnings: Beginnings | null;
  readonly carried: Carried;
  /** Messages read on the path of live events. */
  readonly caughtUp: number;
  readonly comparison: Comparison | null;
  /** `null` when it was not put in service. */
  readonly cutOver: CutOverReport | null;
}

/** @throws {RebuildError} also when the versions differ: nothing is put in service then */
export async function rebuild<E, S, T extends string>(options: RebuildOptions<E, S, T>): Promise<RebuildReport> {
  const alone = new Alone(options.database, options.projection.name, options.signal);
  try {
    return await rebuildAlone(options, alone);
  } finally {
    await alone.close();
  }
}

/** Steps are begun again after an outage; the lock is taken again first. */
type Again = <R>(step: () => Promise<R>, passes?: (error: unknown) => boolean) => Promise<R>;

async function rebuildAlone<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
  alone: Alone,
): Promise<RebuildReport> {
  const { database, projection, observer, until } = options;
  const again: Again = async (step, passes) =>
    await patiently(
      {
        ...options,
        retrying: (error, waitMs) => observer.retrying(error, waitMs),
        passes: (error) => isOutage(error) || passes?.(error) === true,
      },
      async () => {
        await alone.hold();
        return await step();
      },
    );
  const versions = await again(async () => await listVersions(database, projection.name));
  const older = versions.find(({ served }) => served) ?? null;
  const { build, resumed } = await again(async () => await chooseVersion(options, older));
  const filled = build.state === 'filling' ? await fillWhole(options, { build, older, resumed }, again) : NOTHING;
  const carried = carriedOf(await again(async () => await readUnlogged(database, build)));
  const base = { version: build.version, resumed, ...filled, carried };
  if (until !== null) return { ...base, caughtUp: 0, comparison: null, cutOver: null };
  observer.step('catching up');
  const follow = async (version: Version): Promise<number> =>
    await again(async () => await bringAlong({ ...options, version }));
  const caughtUp = await follow(build);
  const comparison =
    options.verify && older !== null ? await compare(options, { build, older, follow, carried }, again) : null;
  if (!options.cutOver) {
    await again(async () => await setVersionState(database, build, 'live'));
    return { ...base, caughtUp, comparison, cutOver: null };
  }
  observer.step('cutting over');
  const done = await again(
    async () =>
      await cutOver({
        database,
        to: build,
        from: older?.version ?? null,
        catchUp: async () => await follow(build),
        signal: options.signal,
        onWaiting: (attempt) => observer.step(`cutting over: readers hold the views open, attempt ${attempt + 1}`),
      }),
  );
  return { ...base, caughtUp, comparison, cutOver: done };
}

type Filled = Pick<RebuildReport, 'fill' | 'beginnings'>;

const NOTHING: Filled = { fill: { events: 0, poison: 0, expired: 0 }, beginnings: null };

function carriedOf(found: Awaited<ReturnType<typeof readUnlogged>>): Carried {
  const { takenOver, leftOut } = found ?? { takenOver: [], leftOut: [] };
  const grown = takenOver.filter(({ month }) => month !== null);
  const times = grown.map(({ newest }) => newest).filter((at) => at !== null);
  return {
    rows: grown.reduce((sum, { rows }) => sum + rows, 0),
    newest: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
    takenOver,
    leftOut,
  };
}

interface Chosen {
  readonly build: Version;
  readonly older: Version | null;
  readonly resumed: boolean;
}

async function fillWhole<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
  chosen: Chosen,
  again: Again,
): Promise<Filled> {
  const { database, log, projection, source, signal, observer } = options;
  // Broken off by an outage it goes on from its last commit: the parts add up.
  const parts: FillReport[] = [];
  const { topic } = projection;
  const onFirst = async (firsts: FirstMessages): Promise<void> => {
    if (source.isLog === true) await runParts(database, rememberFirst(topic, firsts));
    else await rememberOther(database, topic, firsts);
  };
  const beginnings = await again(async () => {
    const remembered = await readFirst(database, topic);
    return await findBeginnings({ log, source, topic, remembered, onFirst, signal });
  });
  await again(
    async () => await fillOnce(options, chosen, beginnings, parts),
    // A chunk that was committed after its connection was cut: nobody else is at work.
    (error) => error instanceof CheckpointConflictError,
  );
  observer.step('building indexes');
  const onMonth = (month: EpochMs): void => observer.step(`index of ${new Date(month).toISOString().slice(0, 7)}`);
  await again(async () => await finish({ ...options, ...chosen, database, beginnings, onMonth }));
  const fill = parts.reduce((a, b) => ({
    events: a.events + b.events,
    poison: a.poison + b.poison,
    expired: a.expired + b.expired,
  }));
  return { fill, beginnings };
}

/** @throws {RebuildError} rows of the older version would not fit: nothing is begun */
async function chooseVersion<E, S, T extends string>(
  { database, projection, source, until, restart, sql }: RebuildOptions<E, S, T>,
  older: Version | null,
): Promise<{ readonly build: Version; readonly resumed: boolean }> {
  const check = async (on: Sql, build: Version): Promise<void> => {
    if (older !== null) await assertFits(on, projection, older, build);
  };
  const unfinished = (await listVersions(database, projection.name)).filter(
    ({ state }) => state === 'filling' || state === 'catching_up',
  );
  if (restart) for (const version of unfinished) await dropVersion(database, version);
  const [left] = restart ? [] : unfinished;
  if (left === undefined) {
    const from = { source: source.description, until };
    const made = await createVersion(database, projection, from, { check, ...(sql === undefined ? {} : { sql }) });
    return { build: made, resumed: false };
  }
  const same = left.source === source.description && left.until === until && left.revision === projection.revision;
  if (same && !(await isOfEarlierProgram(database, left))) {
    await check(database, left);
    return { build: left, resumed: true };
  }
  throw new RebuildError(
    `version ${left.version} of ${projection.name} was begun from ${left.source ?? 'the log'} and not finished: ` +
      (same
        ? 'an earlier version of Balde began it. Give --restart to drop it and begin anew'
        : `give the same options to go on with it, or --restart to drop it and begin anew`),
  );
}

/** What it kept of where the log begins is not enough to go on with. */
async function isOfEarlierProgram(database: Database, version: Version): Promise<boolean> {
  const [row] = await database.query<{ is: boolean }>('select to_regclass($1) is not null as is', [
    `"${schemaOf(version)}".rebuild_first`,
  ]);
  return row?.is === true;
}

async function fillOnce<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
  { build, older, resumed }: Chosen,
  beginnings: Beginnings,
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
  const given = { ...options, build, older, beginnings, partitions, onCommitted };
  const filling = options.fill?.(given) ?? new Filler(given);
  try {
    await filling.run();
  } finally {
    parts.push(filling.report);
  }
}

interface Compared {
  readonly build: Version;
  readonly older: Version;
  readonly follow: (version: Version) => Promise<number>;
  readonly carried: Carried;
}

async function compare<E, S, T extends string>(
  options: RebuildOptions<E, S, T>,
  { build, older, follow, carried }: Compared,
  again: Again,
): Promise<Comparison> {
  const { database, projection, signal, observer } = options;
  let looks = 0;
  const catchUpBoth = async (): Promise<void> => {
    await follow(build);
    looks += 1;
    // The processors bring the served version along, as long as there are any.
    if (looks > 1) await again(async () => await follow(older));
  };
  const comparison = await again(
    async () =>
      await compareVersions({
        ...{ database, projection, left: older, right: build, signal },
        catchUp: catchUpBoth,
        onMonth: (month) => observer.step(`comparing ${new Date(month).toISOString().slice(0, 7)}`),
      }),
  );
  const isApart = comparison.differences.length > 0 || comparison.apart.length > 0;
  if (!isApart && !wasNothingCompared(comparison, carried.takenOver)) return comparison;
  await again(async () => await setVersionState(database, build, 'live'));
  if (isApart) throw new RebuildDiffersError(comparison);
  throw new RebuildError(
    `nothing was compared: the source has no event that version ${comparison.left} could be held against. ` +
      `Nothing was put in service; balde projections cut-over ${projection.name} ${build.version} does that`,
  );
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
