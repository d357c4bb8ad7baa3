/** What /metrics shows of the pipeline as a whole: read seldom, the same on every replica. */
import { ROLES } from '../config/roles.ts';
import type { EpochMs } from '../domain/events.ts';
import type { EventLog } from '../log/eventLog.ts';
import { gaugeFrom } from '../serve/instruments.ts';
import type { Labels, Series } from '../serve/instruments.ts';
import { observe } from '../serve/observing.ts';
import type { Sample } from '../serve/samples.ts';
import type { Database, Sql } from '../store/database.ts';
import { outboxBacklog } from '../store/outbox.ts';
import { livingProcesses } from '../store/processes.ts';
import { listVersions } from '../store/versions.ts';
import { RELAYED_TOPICS } from '../topology/folds.ts';
import { age, lagOf } from './lag.ts';
import { foldCheckpoints } from './standing.ts';
import type { FoldCheckpoint } from './standing.ts';

const gauge = gaugeFrom('sample');

/** A statement of a sample ends then: what it tells can wait, the work can't. Milliseconds. */
const STATEMENT_MS = 1_000;

const OUTBOX = gauge('balde_outbox_entries', 'Events decided and not yet on their topic', ['topic']);
const OUTBOX_AGE = gauge(
  'balde_outbox_oldest_age_seconds',
  'Age of the oldest of them: a dead letter’s own, else that of its event; 0 when there is none',
  ['topic'],
);

/** Often enough for an alert within a minute. Milliseconds. */
const OUTBOX_EVERY_MS = 5_000;

export const outboxSample = (database: Pick<Database, 'transaction'>, now: () => EpochMs): Sample => ({
  name: 'outbox',
  gauges: [OUTBOX, OUTBOX_AGE],
  everyMs: OUTBOX_EVERY_MS,
  read: async () => {
    const waiting = await observe(database, outboxBacklog, STATEMENT_MS);
    const known = new Map(waiting.map((backlog) => [backlog.topic, backlog]));
    const series = (value: (topic: string) => number): Series[] =>
      [...new Set([...RELAYED_TOPICS, ...known.keys()])].map((topic) => [{ topic }, value(topic)]);
    const oldest = (topic: string): number => age(known.get(topic)?.oldest ?? Infinity, now());
    return [series((topic) => known.get(topic)?.entries ?? 0), series(oldest)];
  },
});

const PROCESSES = gauge('balde_processes', 'Processes that said within the last minute that they do this', ['role']);

export const processesSample = (database: Pick<Database, 'transaction'>): Sample => ({
  name: 'processes',
  gauges: [PROCESSES],
  everyMs: OUTBOX_EVERY_MS,
  read: async () => {
    const living = await observe(database, livingProcesses, STATEMENT_MS);
    const doing = (role: string): number => living.filter(({ roles }) => roles.includes(role)).length;
    return [ROLES.map((role): Series => [{ role }, doing(role)])];
  },
});

const LAG_EVENTS = gauge('balde_lag_events', 'Messages after the last commit of a processor', ['processor', 'version']);
const LAG_SECONDS = gauge('balde_lag_seconds', 'Age of the oldest of them by its event time; 0 when there is none', [
  'processor',
  'version',
]);
const REBUILD_REMAINING = gauge('balde_rebuild_remaining_events', 'Messages that an unfinished rebuild has to read', [
  'processor',
  'version',
]);
const REBUILD_PROGRESS = gauge(
  'balde_rebuild_progress_ratio',
  'Share of its topic’s messages that an unfinished rebuild has read, 0 to 1',
  ['processor', 'version'],
);
const REBUILD_COMMITTED = gauge(
  'balde_rebuild_last_commit_timestamp_seconds',
  'When an unfinished rebuild last committed, or was begun',
  ['processor', 'version'],
);

/** On Pulsar it asks the brokers about every partition. Milliseconds. */
const LAG_EVERY_MS = 15_000;

interface LagOptions {
  readonly database: Pick<Database, 'transaction'>;
  readonly log: EventLog;
  readonly now: () => EpochMs;
}

export const lagSample = ({ database, log, now }: LagOptions): Sample => ({
  name: 'lag',
  gauges: [LAG_EVENTS, LAG_SECONDS, REBUILD_REMAINING, REBUILD_PROGRESS, REBUILD_COMMITTED],
  everyMs: LAG_EVERY_MS,
  read: async (signal) => {
    const { live, unfinished } = await observe(database, standings, STATEMENT_MS);
    const [events, seconds, remaining, progress, committed]: Series[][] = [[], [], [], [], []];
    for (const checkpoint of live) {
      const partitions = await lagOf(checkpoint, log, now(), signal);
      const labels = labelsOf(checkpoint);
      events?.push([labels, partitions.reduce((sum, { eventsBehind }) => sum + eventsBehind, 0)]);
      seconds?.push([labels, Math.max(0, ...partitions.map(({ secondsBehind }) => secondsBehind ?? 0))]);
    }
    for (const { checkpoint, createdAt } of unfinished) {
      const labels = labelsOf(checkpoint);
      const { left, all } = await rebuildStanding(checkpoint, log);
      remaining?.push([labels, left]);
      progress?.push([labels, all === 0 ? 1 : Math.max(0, 1 - left / all)]);
      committed?.push([labels, (checkpoint.movedAt ?? createdAt) / 1000]);
    }
    return [events ?? [], seconds ?? [], remaining ?? [], progress ?? [], committed ?? []];
  },
});

const labelsOf = ({ fold, version }: FoldCheckpoint): Labels => ({ processor: fold, version: String(version) });

interface Standings {
  /** Versions that live processing keeps up to date. */
  readonly live: readonly FoldCheckpoint[];
  /** Versions that a rebuild fills. */
  readonly unfinished: readonly { readonly checkpoint: FoldCheckpoint; readonly createdAt: EpochMs }[];
}

async function standings(sql: Sql): Promise<Standings> {
  const checkpoints = await foldCheckpoints(sql);
  const begun = (await listVersions(sql)).filter(({ state }) => state === 'filling' || state === 'catching_up');
  const found = checkpoints.map((checkpoint) => ({
    checkpoint,
    build: begun.find(({ name, version }) => name === checkpoint.fold && version === checkpoint.version),
  }));
  return {
    live: found.flatMap(({ checkpoint, build }) => (build === undefined ? [checkpoint] : [])),
    unfinished: found.flatMap(({ checkpoint, build }) =>
      build === undefined ? [] : [{ checkpoint, createdAt: build.createdAt }],
    ),
  };
}

async function rebuildStanding(
  { topic, positions }: FoldCheckpoint,
  log: EventLog,
): Promise<{ readonly left: number; readonly all: number }> {
  const partitions = (await log.ends(topic)).map(({ partition }) => partition);
  const sum = (counts: ReadonlyMap<number, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);
  const left = await log.behind(topic, new Map(partitions.map((p) => [p, positions.get(p) ?? null])));
  const all = await log.behind(topic, new Map(partitions.map((p) => [p, null])));
  return { left: sum(left), all: sum(all) };
}
