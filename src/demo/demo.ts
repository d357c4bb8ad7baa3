/**
 * The demonstration: simulated days from the Bridge to the tables and the alert topic, then a check of what came out.
 */
import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import { RATE_LIMIT_ALERTS } from '../codec/topics.ts';
import type { AlertEvent, EpochMs } from '../domain/events.ts';
import { DAY_MS, MINUTE_MS } from '../domain/time.ts';
import { FORECAST_RULES } from '../domain/estimate/outlook.ts';
import { DEFAULT_RULES } from '../domain/thresholds.ts';
import { isCaughtUp, whenCaughtUp } from '../consume/progress.ts';
import { notFoundSample } from '../app/outcomeSamples.ts';
import { FOLD_RUNNERS } from '../app/foldRoles.ts';
import { FOLDS, RETAINED_READ_MODELS, TRIMMED_TOPICS } from '../topology/folds.ts';
import { silentObserver } from '../consume/observer.ts';
import { runRelays } from '../app/roles.ts';
import { readTopic } from '../consume/readTopic.ts';
import { openStorage } from '../app/storage.ts';
import type { Storage } from '../app/storage.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { peakRssMib } from '../peakMemory.ts';
import { compact } from '../retain/compactor.ts';
import { Metrics } from '../serve/metrics.ts';
import { hashAlerts, hashStates } from '../store/hash.ts';
import { readHorizon } from '../store/partitions.ts';
import { firstVersionOf, schemaOf } from '../store/schemas.ts';
import type { Schedule } from '../poll/schedule.ts';
import { manualClock } from '../simulator/clocks.ts';
import { serveBridge } from '../simulator/server.ts';
import type { RefillMode } from '../simulator/tokenBucket.ts';
import { INVENTED_WORLD, inventedTraffic, recordedTraffic } from '../simulator/traffics.ts';
import type { TrafficPlan } from '../simulator/traffics.ts';
import { writeTraffic } from '../simulator/trafficFile.ts';
import { WorldBridge } from '../simulator/worldBridge.ts';
import { feed } from './feed.ts';
import type { Fed } from './feed.ts';
import { runTogether } from '../together.ts';
import { countTables, countTopic, summarise } from './inspect.ts';
import type { PolicySummary, TableCounts, TopicCounts } from './inspect.ts';
import { metricsDisagreements } from './metricsAgree.ts';
import { latestStates } from '../views/latest.ts';
import { TruthRecord, truthOf } from './truth.ts';
import type { Truth } from './truth.ts';
import { openReporting, reportedCalls } from './reporting.ts';
import type { ReportedCalls, Reports } from './reporting.ts';

export interface DemoOptions {
  readonly dataDir: string;
  /** The log to run through; `null`: the embedded one. */
  readonly pulsar: PulsarSettings | null;
  /** Decides on the traffic, unless it is recorded, on when lumps arrive, and on how late answers are. */
  readonly seed: number;
  /** `null`: as long as the recorded traffic. */
  readonly days: number | null;
  /** How many participants are invented. */
  readonly participants: number;
  readonly schedule: Schedule;
  readonly refill: RefillMode;
  /** A file of recorded traffic; `null`: it is invented. */
  readonly traffic: string | null;
  /** Where to write the traffic; `null`: nowhere. */
  readonly writeTraffic: string | null;
  /** What the simulated systems report of their calls; `null`: nothing. */
  readonly outcomes: Reports | null;
  /** Of the pollers. */
  readonly logger: Logger;
  /** Minutes simulated, of all. */
  readonly onProgress: (stage: 'polling' | 'catching up' | 'checking', done: number, total: number) => void;
  readonly signal: AbortSignal;
}

export interface DemoReport {
  readonly seed: number;
  readonly days: number;
  readonly participants: number;
  readonly policies: number;
  readonly polls: number;
  readonly observations: number;
  readonly history_rows: number;
  readonly alerts_raised: number;
  readonly alerts_resolved: number;
  readonly open_alerts: number;
  /** Observations in history more than once, plus alert events on the topic more than once. */
  readonly duplicates: number;
  /** Observations published and not in history. */
  readonly lost: number;
  readonly seconds: number;
  readonly observations_per_second: number;
  /** Largest resident size of this process so far, MiB. */
  readonly peak_rss_mib: number;
  readonly states_hash: string;
  readonly alerts_hash: string;
  /** Each invariant that was checked; all true, or the run failed. */
  readonly invariants: Readonly<Record<string, boolean>>;
  readonly by_policy: readonly PolicySummary[];
  /** How the alerts compare with what really happened. */
  readonly truth: Truth;
  /** What the simulated systems reported of their calls; `null`: nothing. */
  readonly calls: ReportedCalls | null;
}

/** Fixed, so that equal seeds give equal tables at any time; a Wednesday. */
const START: EpochMs = Date.UTC(2025, 0, 1);
const STALE_AFTER_MS = 15 * MINUTE_MS;
const RETENTION_MONTHS = 13;
/** Observations arrive without a pause, and larger batches cost less. Milliseconds. */
const LINGER_MS = 1_000;

/** What a run goes through. */
interface Run extends DemoOptions {
  readonly storage: Storage;
  readonly plan: TrafficPlan;
  readonly record: TruthRecord;
}

export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const plan = await planOf(options);
  if (options.writeTraffic !== null) await writeTraffic(options.writeTraffic, plan.traffic(), plan.startAt);
  const storage = await openStorage(
    { databaseUrl: null, dataDir: options.dataDir, pulsar: options.pulsar },
    {
      judging: { rules: DEFAULT_RULES, staleAfterMs: STALE_AFTER_MS },
      source: 'simulator',
      // If the machine crashes the demonstration loses its last moments, and nothing else.
      settings: { synchronous_commit: 'off' },
    },
  );
  try {
    const run = { ...options, storage, plan, record: new TruthRecord() };
    const start = performance.now();
    const { fed, bridge } = await live(run);
    const seconds = (performance.now() - start) / 1000;
    return await check(run, bridge, fed, seconds);
  } finally {
    await storage.close();
  }
}

async function planOf({ traffic, seed, days, participants }: DemoOptions): Promise<TrafficPlan> {
  if (traffic !== null) return await recordedTraffic(traffic, START, days);
  return inventedTraffic({ seed, startAt: START, days: days ?? 1, participants });
}

interface Lived {
  readonly fed: Fed;
  readonly bridge: WorldBridge;
}

/** Feeds the log and folds it at the same time, until everything is in the tables. */
async function live(run: Run): Promise<Lived> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, run.signal]);
  setMaxListeners(0, signal);
  const folding = runFolds(run.storage, signal);
  const feeding = feedAndCatchUp(run, signal);
  try {
    // A fold that fails ends the demonstration at once instead of leaving it waiting.
    return await Promise.race([
      feeding,
      folding.then(async () => Promise.reject(new Error('the folds stopped early'))),
    ]);
  } finally {
    stop.abort();
    await feeding.catch(() => undefined);
    await folding.catch(() => undefined);
  }
}

/** Folds and relays until the signal aborts. */
async function runFolds(storage: Storage, signal: AbortSignal): Promise<void> {
  const rules = { rules: DEFAULT_RULES, forecasts: FORECAST_RULES };
  const context = { ...storage, ...rules, observer: silentObserver, lingerMs: LINGER_MS };
  const folds = Object.values(FOLD_RUNNERS).map((run) => async (until: AbortSignal) => await run(context, until));
  await runTogether([...folds, async (until) => await runRelays(storage, silentObserver, until)], signal);
}

async function feedAndCatchUp(run: Run, signal: AbortSignal): Promise<Lived> {
  const { storage, plan, record, seed, refill, schedule, onProgress } = run;
  const { participants, startAt, endAt: end } = plan;
  const clock = manualClock(startAt);
  const reporting =
    run.outcomes === null ? null : await openReporting({ ...run.outcomes, seed, plan, storage, signal });
  const bridge = new WorldBridge({
    ...{ ...INVENTED_WORLD, plan, seed, refill, clock },
    onAnswer: (participant, answer) => record.note(participant, answer),
    ...(reporting === null ? {} : { onAnswered: reporting.take }),
  });
  const total = Math.ceil((end - startAt) / MINUTE_MS);
  const served = await serveBridge(bridge);
  try {
    const fed = await feed({
      ...{ log: storage.log, logger: run.logger, address: served.address, participants, schedule, clock, end, signal },
      onDay: async (now) => {
        const readModels = RETAINED_READ_MODELS;
        await compact({ ...storage, topics: TRIMMED_TOPICS, readModels, months: RETENTION_MONTHS, now });
      },
      onMoved: async (at) => {
        if (reporting === null) return;
        // Windows that are over by then have all of their calls.
        await bridge.live(at);
        await reporting.publishUntil(at);
      },
      onTime: (at) => onProgress('polling', Math.floor((at - startAt) / MINUTE_MS), total),
    });
    await bridge.live(end);
    await reporting?.publishUntil(end);
    await reporting?.publishRest();
    onProgress('catching up', total, total);
    await whenCaughtUp(storage.database, storage.log, FOLDS, signal);
    return { fed, bridge };
  } finally {
    await served.close();
    await reporting?.close();
  }
}

async function check(run: Run, bridge: WorldBridge, fed: Fed, seconds: number): Promise<DemoReport> {
  run.onProgress('checking', 0, 1);
  const { storage, plan, record } = run;
  const { database } = storage;
  const { startAt: start, endAt: end } = plan;
  const events = await alertTopic(storage, run.signal);
  const tables = await countTables(database);
  const topic = countTopic(events);
  const lost = record.countFrom((await readHorizon(database)) ?? -Infinity) - tables.distinct_observations;
  const participants = plan.participants.length;
  const calls = run.outcomes === null ? null : await reportedCalls(database, bridge, plan);
  const hides = (run.outcomes?.hidden ?? []).length > 0;
  return {
    seed: run.seed,
    days: round((end - start) / DAY_MS),
    participants,
    policies: tables.policies,
    polls: fed.polls,
    observations: fed.observations,
    history_rows: tables.history_rows,
    alerts_raised: topic.raised,
    alerts_resolved: topic.resolved,
    open_alerts: tables.open_alerts,
    duplicates: tables.history_rows - tables.distinct_observations + topic.repeated,
    lost,
    seconds: round(seconds),
    observations_per_second: Math.round(fed.observations / seconds),
    peak_rss_mib: peakRssMib(),
    states_hash: await hashStates(database, schemaOf(firstVersionOf(statesProjection))),
    alerts_hash: await hashAlerts(database, schemaOf(firstVersionOf(alertsProjection))),
    invariants: {
      ...(await invariants(storage, { tables, topic, lost })),
      ...(calls === null || hides ? {} : { reported_calls_equal_charges: calls.agree }),
    },
    by_policy: await summarise(database, start, end),
    truth: await truthOf({ database, bridge, record, events, start, end, participants }),
    calls,
  };
}

async function alertTopic({ log }: Storage, signal: AbortSignal): Promise<AlertEvent[]> {
  const events: AlertEvent[] = [];
  const onPoison = (_message: unknown, reason: string): never => {
    throw new Error(`undecodable alert event: ${reason}`);
  };
  for await (const batch of readTopic({ log, topic: RATE_LIMIT_ALERTS, onPoison, signal })) {
    for (const { event } of batch) events.push(event);
  }
  return events;
}

async function invariants(
  { database, log }: Storage,
  { tables, topic, lost }: { tables: TableCounts; topic: TopicCounts; lost: number },
): Promise<Record<string, boolean>> {
  // As of the last poll: by the end of the run a schedule of hours would have left every bucket stale.
  const now = Math.max(...(await latestStates(database)).map(({ response_time: at }) => at));
  const samples = [notFoundSample({ database, now: () => now, staleAfterMs: STALE_AFTER_MS })];
  const metrics = new Metrics({ sql: database, now: () => now, staleAfterMs: STALE_AFTER_MS, samples });
  const caughtUp = await Promise.all(FOLDS.map(async (fold) => await isCaughtUp(database, log, fold)));
  return {
    every_observation_in_history_once: lost === 0 && tables.history_rows === tables.distinct_observations,
    every_alert_event_once: topic.repeated === 0,
    every_resolution_after_its_alert: topic.orphans === 0 && tables.resolved_before_raised === 0,
    at_most_one_open_alert_per_bucket: tables.buckets_with_several_open === 0,
    alert_table_equals_topic: tables.alerts === topic.raised && tables.resolved === topic.resolved,
    latest_is_newest_of_history: tables.latest_not_newest === 0,
    metrics_agree_with_tables: (await metricsDisagreements(metrics, database, now)).length === 0,
    everything_read: caughtUp.every(Boolean),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;
