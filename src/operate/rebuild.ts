/** What rebuild, verify and cut-over need of the composition: the folds, their topics, and where events come from. */
import type { Config } from '../config/config.ts';
import { bringAlong } from '../rebuild/catchUp.ts';
import { cutOver } from '../rebuild/cutOver.ts';
import type { CutOverReport } from '../rebuild/cutOver.ts';
import { fillInThread } from '../rebuild/fillInThread.ts';
import type { CountedLog } from '../rebuild/logCount.ts';
import { logSource } from '../rebuild/logSource.ts';
import { patiently } from '../patience.ts';
import type { Patience } from '../patience.ts';
import { rebuild } from '../rebuild/rebuild.ts';
import type { RebuildOptions, RebuildReport } from '../rebuild/rebuild.ts';
import type { EventSource } from '../rebuild/source.ts';
import { currentUrl } from '../store/client.ts';
import { listVersions } from '../store/versions.ts';
import type { Version } from '../store/versions.ts';
import { openArchiveSource } from '../app/archives.ts';
import { foldOf } from '../topology/folds.ts';
import type { RebuildableName } from '../topology/folds.ts';
import { UsageError } from '../errors.ts';
import type { Storage } from '../app/storage.ts';

export const SOURCES = ['pulsar', 'embedded', 'archive', 'file'] as const;
export type SourceName = (typeof SOURCES)[number];

/** What says where events can be read from. */
type SourceConfig = Pick<Config, 'pulsar' | 'archive'>;

export type Where = Pick<Storage, 'database' | 'log' | 'logDescription'>;

export interface RebuildReadModelOptions extends Pick<
  RebuildOptions<unknown, unknown, string>,
  'verify' | 'cutOver' | 'restart' | 'rate' | 'until' | 'signal' | 'observer' | 'fill' | 'waitsMs'
> {
  readonly storage: Where & Pick<Storage, 'databaseOptions'>;
  readonly config: SourceConfig;
  readonly what: RebuildableName;
  /** `null`: the event log that is configured. */
  readonly from: SourceName | null;
  /** Counts the event log while it is read. */
  readonly counted?: CountedLog | null;
}

export async function rebuildReadModel(options: RebuildReadModelOptions): Promise<RebuildReport> {
  const { storage, config, what, from } = options;
  const { databaseOptions } = storage;
  // A function can't go to another thread.
  const fill = options.fill ?? fillInThread(what, { ...databaseOptions, url: await currentUrl(databaseOptions.url) });
  const opened = await openSource(storage, config, from);
  const source = options.counted?.over(opened) ?? opened;
  try {
    return await rebuild({ ...options, ...storage, ...foldOf(what), source, fill });
  } finally {
    await source.close();
  }
}

async function openSource(storage: Where, config: SourceConfig, from: SourceName | null): Promise<EventSource> {
  const configured: SourceName = config.pulsar === null ? 'embedded' : 'pulsar';
  if (from === null || from === configured) return logSource(storage.log, `the log (${configured})`);
  if (from === 'pulsar') throw new UsageError('--source pulsar needs PULSAR_URL');
  if (from === 'embedded') throw new UsageError('--source embedded: the event log is Pulsar, as PULSAR_URL says');
  return await openArchiveSource(from === 'file' ? 'files' : 'eventstore', config);
}

export interface CutOverRequest {
  readonly storage: Where;
  readonly what: RebuildableName;
  readonly version: number;
  readonly signal: AbortSignal;
  readonly onWaiting: (attempt: number) => void;
  /** How often it is looked whether others bring a version of their revision to where the one in service is. */
  readonly attemptsBehind?: number;
  /** Told of an outage that is waited for. */
  readonly retrying?: Patience['retrying'];
  readonly waitsMs?: Patience['waitsMs'];
}

/** Puts a version in service that is whole. @throws {UsageError} there is none, or it is not */
export async function putInService(request: CutOverRequest): Promise<CutOverReport> {
  const { storage, what, version, signal, onWaiting, retrying = () => undefined } = request;
  const { attemptsBehind = ATTEMPTS_BEHIND } = request;
  const patience = { ...request, retrying };
  const build = await patiently(patience, async () => await findVersion(storage, what, version));
  if (build.served) throw new UsageError(`version ${version} of ${what} is in service already`);
  if (build.state === 'filling' || build.state === 'fixed') {
    throw new UsageError(
      build.state === 'fixed'
        ? `version ${version} of ${what} was built up to a given time only: it can't be put in service`
        : `version ${version} of ${what} is not whole yet: go on with balde rebuild ${what}`,
    );
  }
  const versions = await patiently(patience, async () => await listVersions(storage.database, what));
  const from = versions.find(({ served }) => served)?.version ?? null;
  // The version to go to was settled before: an attempt that ended without its answer is not undone by the next.
  return await patiently(
    patience,
    async () =>
      await cutOver({
        ...{ database: storage.database, to: build, from, signal, onWaiting },
        catchUp: async (attempt) => {
          if (attempt > attemptsBehind && build.revision !== foldOf(what).projection.revision) throw behind(build);
          await bringAlong({ ...storage, ...foldOf(what), version: build, signal });
        },
      }),
  );
}

/** Twenty seconds. */
const ATTEMPTS_BEHIND = 40;

const behind = ({ name, version, revision }: Version): UsageError =>
  new UsageError(
    `version ${version} of ${name} is behind the one in service, and this program can't write it: it is of revision ` +
      `${revision}. Start a process of the program that it is from, wait until balde lag says 0, and try again`,
  );

export async function findVersion({ database }: Where, what: RebuildableName, version: number): Promise<Version> {
  const versions = await listVersions(database, what);
  const found = versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  const numbers = versions.map((one) => one.version).join(', ');
  throw new UsageError(`there is no version ${version} of ${what}; there are ${numbers}`);
}

/** The version that was in service before the present one. @throws {UsageError} there is none */
export async function previousVersion({ database }: Where, what: RebuildableName): Promise<Version> {
  const [previous] = (await listVersions(database, what))
    .filter(({ served, state, servedAt }) => !served && state === 'live' && servedAt !== null)
    .sort((a, b) => (b.servedAt ?? 0) - (a.servedAt ?? 0));
  if (previous === undefined)
    throw new UsageError(`no other version of ${what} was in service before and is still there`);
  return previous;
}

/** @throws {UsageError} a rebuild was begun and not finished: what it has done is not to be dropped in passing */
export async function refuseUnfinished({ database }: Where, what: RebuildableName): Promise<void> {
  const left = (await listVersions(database, what)).find(({ state }) => state === 'filling' || state === 'catching_up');
  if (left === undefined) return;
  throw new UsageError(
    `version ${left.version} of ${what} belongs to a rebuild that runs or was stopped: ` +
      `finish it with balde rebuild ${what}, or remove it with balde projections drop ${what} ${left.version}`,
  );
}
