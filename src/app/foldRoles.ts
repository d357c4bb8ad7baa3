/** How each fold is run by its role. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import { alertProperties, encodeAlertEvent } from '../codec/alertEvent.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../codec/topics.ts';
import type { Topic } from '../codec/topics.ts';
import { consume } from '../consume/consumer.ts';
import type { ConsumeOptions } from '../consume/consumer.ts';
import { projectionEffects, reactorEffects } from '../consume/effects.ts';
import type { Effects } from '../consume/effects.ts';
import type { ConsumeObserver } from '../consume/observer.ts';
import type { OutboxBell } from '../consume/outboxBell.ts';
import { Processor } from '../consume/processor.ts';
import type { AlertEvent } from '../domain/events.ts';
import type { Fold, Projection } from '../domain/fold.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { EventLog } from '../log/eventLog.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database } from '../store/database.ts';
import { firstVersionOf } from '../store/schemas.ts';
import type { Version } from '../store/versions.ts';
import { Reconciler } from './reconcile.ts';
import { followVersions } from './followVersions.ts';

interface FoldContext {
  readonly database: Database;
  readonly log: EventLog;
  readonly rules: ThresholdRules;
  readonly observer: ConsumeObserver;
  /** Of the relays in this process, if there are any. */
  readonly bell?: OutboxBell;
  readonly lingerMs?: ConsumeOptions['lingerMs'];
  readonly onTakeOver?: ConsumeOptions['onTakeOver'];
  readonly sendsLetters?: boolean;
  readonly between?: ConsumeOptions['between'];
}

type Runner = (context: FoldContext, signal: AbortSignal) => Promise<void>;

/** Tables may be a moment late: alerts, decided at the same time from the same messages, go first. Milliseconds. */
const TABLES_LINGER_MS = 50;

export const FOLD_RUNNERS: Readonly<Record<'states' | 'alerting' | 'alerts', Runner>> = {
  states: async (context, signal) => await project(context, statesProjection, POLICY_STATES, signal),
  alerting: async (context, signal) => {
    const reactor = alertingReactor(context.rules);
    const encode = (event: AlertEvent) => ({
      payload: encodeAlertEvent(event),
      properties: alertProperties(event),
    });
    const effects = reactorEffects(reactor, encode, context.bell);
    const between = new Reconciler({ ...context, fold: reactor, effects });
    await run(
      { ...context, between },
      { fold: reactor, installed: firstVersionOf(reactor) },
      POLICY_STATES,
      effects,
      signal,
    );
  },
  alerts: async (context, signal) => await project(context, alertsProjection, RATE_LIMIT_ALERTS, signal),
};

/** Every version that is to be kept up to date, served or not: a rollback finds its version as new as the other. */
async function project<E, S, T extends string>(
  context: FoldContext,
  projection: Projection<E, S, T>,
  topic: Topic<E>,
  signal: AbortSignal,
): Promise<void> {
  const { database } = context;
  const onNone = (served: Version): void => context.observer.idle?.(projection.name, served);
  await followVersions({ database, fold: projection, signal, onNone }, async ({ version, served }, until) => {
    const installed = { name: projection.name, version };
    const effects = projectionEffects(database, projection, installed);
    const given = { lingerMs: TABLES_LINGER_MS, ...context, sendsLetters: served };
    await run(given, { fold: projection, installed }, topic, effects, until);
  });
}

async function run<E, S, O>(
  { database, log, observer, between, lingerMs = 0, sendsLetters = true, onTakeOver }: FoldContext,
  { fold, installed }: { readonly fold: Fold<E, S, O>; readonly installed: FoldId },
  topic: Topic<E>,
  effects: Effects<O>,
  signal: AbortSignal,
): Promise<void> {
  const processor = new Processor({ database, fold, installed, decode: topic.decode, effects, observer, sendsLetters });
  const subscription = `${installed.name}-v${installed.version}`;
  observer.started?.(subscription);
  const options = { log, topic: topic.name, subscription, observer, lingerMs };
  const given = {
    ...(between === undefined ? {} : { between }),
    ...(onTakeOver === undefined ? {} : { onTakeOver }),
  };
  await consume(processor, { ...options, ...given }, signal);
}
