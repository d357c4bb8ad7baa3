/** Runs the roles of one process until told to stop, or until one of them fails. */
import { constants, setPriority } from 'node:os';
import type { Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { POLICY_STATES } from '../codec/topics.ts';
import type { Config, ParticipantConfig } from '../config/config.ts';
import type { ConsumeObserver } from '../consume/observer.ts';
import { OutboxBell } from '../consume/outboxBell.ts';
import { relay } from '../consume/relay.ts';
import type { RelayOptions } from '../consume/relay.ts';
import { createBridgeClient } from '../poll/bridgeClient.ts';
import type { PollerEvents } from '../poll/events.ts';
import { runPoller } from '../poll/poller.ts';
import type { Metrics } from '../serve/metrics.ts';
import type { Site } from '../serve/answer.ts';
import type { IntakeOptions } from '../serve/intake.ts';
import { longObservingPool, observingPool } from '../serve/observing.ts';
import { serve } from '../serve/server.ts';
import { openDatabase } from '../store/database.ts';
import type { Database } from '../store/database.ts';
import { runArchive } from './archiveRole.ts';
import { runCallAlerts } from './callAlerts.ts';
import { runCounters } from './callsRole.ts';
import { FOLD_RUNNERS } from './foldRoles.ts';
import { FOLD_NAMES, RELAYED_TOPICS } from '../topology/folds.ts';
import type { FoldName } from '../topology/folds.ts';
import { metricsOf } from './metricsOf.ts';
import { Offices } from './offices.ts';
import { consumeObserver, pollerMetrics } from './observers.ts';
import { observedPolicies } from '../views/latest.ts';
import { recentReadings } from '../views/recent.ts';
import { ROLES } from '../config/roles.ts';
import type { Role } from '../config/roles.ts';
import { runTogether } from '../together.ts';
import type { Task } from '../together.ts';
import type { MetricExport } from './otlpMetrics.ts';
import { bePresent } from './presence.ts';
import { runRetention } from './retentionRole.ts';
import type { Storage } from './storage.ts';

export interface ProcessOptions {
  readonly config: Config;
  readonly storage: Storage;
  readonly roles: readonly Role[];
  readonly logger: Logger;
  /** Told the address of /metrics once it is served. */
  readonly onServing?: (url: string) => void;
  /** Told what is odd about this process among the others. */
  readonly onNotice?: (message: string) => void;
  /** Told of each poll whose observations the log has taken. */
  readonly onPublished?: (participant: string, observations: number) => void;
  /** Told of each part of the work that another process does now. */
  readonly onStandby?: (who: string) => void;
  /** Sends the metrics somewhere, beside serving them. */
  readonly metricExport?: Pick<MetricExport, 'run'> | null;
  /** What role http serves beside the metrics. */
  readonly sites?: (sources: SiteSources) => readonly Site[];
  /** What role http takes in, of who has the token for it. */
  readonly intake?: (sources: SiteSources) => IntakeOptions;
}

/** What sites may use, as long as the signal has not aborted. */
export interface SiteSources extends Pick<ProcessOptions, 'config' | 'storage' | 'logger'> {
  /** For answers that come at once. */
  readonly watched: Database;
  /** For questions that read much. */
  readonly studied: Database;
  readonly signal: AbortSignal;
}

interface Context extends ProcessOptions {
  readonly metrics: Metrics;
  /** For whoever watches: never the pool of the work. */
  readonly watched: Database;
  readonly bell: OutboxBell;
  readonly offices: Offices;
}

type Run = (context: Context, signal: AbortSignal) => Promise<unknown>;

/** Every fold is a role of its name. Where the types refuse a name here, `config/roles.ts` does not list it. */
const FOLD_RUNS = Object.fromEntries(
  FOLD_NAMES.map((name): [Role, Run] => [name, async (context, signal) => await fold(context, name, signal)]),
) as Readonly<Record<FoldName, Run>>;

const RUN: Readonly<Record<Role, Run>> = {
  ...FOLD_RUNS,
  // Whoever keeps the calls also judges them.
  outcomes: async (context, signal) => {
    const { storage, config, watched, logger, bell } = context;
    const judging = { database: storage.database, watched, levels: config.callAlerts, logger, bell };
    await runTogether(
      [async (stop) => await fold(context, 'outcomes', stop), async (stop) => await runCallAlerts(judging, stop)],
      signal,
    );
  },
  poller: async (context, signal) => {
    const { participants } = context.config;
    const polls = participants.map(
      (participant): Task =>
        async (stop) =>
          await poll(context, participant, stop),
    );
    await runTogether([...polls, async (stop) => await runCounters(context, stop)], signal);
  },
  relay: async (context, signal) => {
    const { storage, bell } = context;
    await runRelays({ ...storage, bell }, observerOf(context), signal);
  },
  retention: async ({ storage, config, metrics, logger }, signal) => {
    const { retentionMonths: months, retentionCron: cron } = config;
    await runRetention({ storage, months, cron, metrics, logger }, signal);
  },
  archive: async (context, signal) => {
    const isOptional = context.roles.length === ROLES.length;
    await runArchive({ ...context, isOptional, standsBy: context.roles.length > 1 }, signal);
  },
  http: serveUntilStopped,
};

/**
 * Resolves once the signal aborted and every role has drained. If a role fails, the others are stopped and its error
 * is thrown: a process that does half its work looks healthy and is not.
 */
export async function runRoles(options: ProcessOptions, signal: AbortSignal): Promise<void> {
  const watched = openDatabase(observingPool(options.storage.databaseOptions));
  try {
    await runAll(options, watched, signal);
  } finally {
    await watched.close();
  }
}

/** In the log, and to whoever started the process. */
const told =
  ({ logger, onNotice }: ProcessOptions) =>
  (message: string): void => {
    logger.warn(message);
    onNotice?.(message);
  };

/**
 * The roles, and the watch over what they stand on. A failure of the watch while they drain comes before theirs: why it
 * is gone says more than what they met without it.
 */
async function runAll(options: ProcessOptions, watched: Database, signal: AbortSignal): Promise<void> {
  const metrics = metricsOf({ ...options, watched, log: options.storage.log });
  const context: Context = { ...options, metrics, watched, bell: new OutboxBell(), offices: new Offices() };
  const over = new AbortController();
  const roles = options.roles.map(
    (role): Task =>
      async (stop) =>
        await RUN[role](context, stop),
  );
  await runTogether(
    [
      async (stop) => await runTogether(roles, stop).finally(() => over.abort()),
      async (stop) => await options.storage.watch?.(AbortSignal.any([stop, over.signal])),
      async () => await options.metricExport?.run(metrics, over.signal),
      async () =>
        await bePresent(
          { ...options, database: watched, offices: context.offices, onDifferent: told(options) },
          over.signal,
        ),
    ],
    signal,
  );
}

/** The outbox holds alert events and dead letters; each topic has its relay. */
export async function runRelays(
  storage: Pick<RelayOptions, 'database' | 'log' | 'bell'>,
  observer: ConsumeObserver,
  signal: AbortSignal,
): Promise<void> {
  const relays = RELAYED_TOPICS.map(
    (topic) => async (stop: AbortSignal) => await relay({ ...storage, topic, observer }, stop),
  );
  await runTogether(relays, signal);
}

/** What a process stands by for is told to whoever started it, too, and to the other processes. */
function observerOf({ metrics, logger, offices, onStandby }: Context, role: string | null = null): ConsumeObserver {
  const observer = consumeObserver(metrics, logger);
  return {
    ...observer,
    office: (who, state) => {
      observer.office(who, state);
      if (state === 'standby') {
        onStandby?.(who);
        offices.standBy(role ?? who);
      } else offices.takeOver(role ?? who);
    },
  };
}

async function fold(context: Context, name: FoldName, signal: AbortSignal): Promise<void> {
  const { storage, config, bell, offices } = context;
  const onTakeOver = async (): Promise<void> => {
    offices.takeOver(name);
    await storage.assertOwned?.();
  };
  const observer = observerOf(context, name);
  await FOLD_RUNNERS[name](
    { ...storage, rules: config.rules, forecasts: config.forecasts, payers: config.payers, observer, bell, onTakeOver },
    signal,
  );
}

async function poll(
  { config, storage, metrics, logger, offices, onPublished, onStandby }: Context,
  entry: ParticipantConfig,
  signal: AbortSignal,
): Promise<void> {
  const bridge = createBridgeClient({ ...entry.bridge, participant: entry.participant });
  try {
    await runPoller(
      {
        participant: entry.participant,
        topic: POLICY_STATES,
        schedule: config.poll.schedule,
        pollWhenElected: config.poll.whenElected,
        retireAfterLists: config.poll.retireAfterLists,
        knownPolicies: async () => await observedPolicies(storage.database, entry.participant),
        recentReadings: async (since) => await recentReadings(storage.database, entry.participant, since),
        bridge,
        log: storage.log,
        clock: systemClock,
        logger,
        events: {
          ...withOffices(pollerMetrics(metrics, onPublished), offices),
          onStandby: ({ participant }) => {
            offices.standBy(pollerOf(participant));
            onStandby?.(pollerOf(participant));
          },
        },
      },
      signal,
    );
  } finally {
    bridge.close();
  }
}

const pollerOf = (participant: string): string => `poller of ${participant}`;

/** Also tells the other processes whom this one polls, and when. */
const withOffices = (events: PollerEvents, offices: Offices): PollerEvents => ({
  ...events,
  onElected: ({ participant }) => offices.takeOver(pollerOf(participant)),
  onDue: ({ participant, at, policy, reason }) => offices.poll(participant, { at, policy, reason }),
  onFenced: (event) => {
    events.onFenced?.(event);
    offices.poll(event.participant, null);
  },
});

/** What only shows lets the processes that work go first, where they share processors. */
function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A system that does not allow it.
  }
}

async function serveUntilStopped(context: Context, signal: AbortSignal): Promise<void> {
  const { config, storage, logger, watched, metrics, sites, intake, onServing, roles } = context;
  if (roles.every((role) => role === 'http')) yieldToOthers();
  const studied = openDatabase(longObservingPool(storage.databaseOptions));
  const sources = { config, storage, logger, watched, studied, signal };
  try {
    const server = await serve({
      ...config.http,
      metrics,
      database: watched,
      now: () => Date.now(),
      staleAfterMs: config.staleAfterMs,
      sites: sites?.(sources) ?? [],
      ...(intake === undefined ? {} : { intake: { ...intake(sources), token: config.outcomes.token } }),
      onFailed: (err, path) => logger.error({ err, path }, 'a question over HTTP failed'),
      onStale: (err) => logger.warn({ err }, 'token or certificate of HTTP could not be read anew: those before hold'),
    });
    onServing?.(server.url);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await server.close();
  } finally {
    await studied.close();
  }
}
