/**
 * How a stream processor is put together, and which there are.
 *
 *     topic ──▶ consumer ──▶ fold ──▶ effects ──▶ commit ──▶ acknowledge
 *
 * - The consumer pulls a batch from the log (consume/consumer.ts).
 * - The fold says what it means: (state, event) → { state, out }, a pure function (projections/<name>/fold.ts).
 * - The effects say what `out` does: rows of a read model, or events in the outbox (consume/effects.ts).
 * - The processor commits all of it with the checkpoint, in one transaction (consume/processor.ts).
 * - Only then does the consumer acknowledge; what is in the outbox goes to its topic by itself (consume/relay.ts).
 *
 * Storage and log come from storage.ts; roles.ts starts the processors that its process was asked for.
 */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { payersFold } from '../../projections/payers/fold.ts';
import { PAYER_OUTCOMES, POLICY_STATES, RATE_LIMIT_ALERTS } from '../codec/topics.ts';
import { consume } from '../consume/consumer.ts';
import type { Between, ConsumeOptions } from '../consume/consumer.ts';
import { projectionEffects, reactorEffects, stateEffects } from '../consume/effects.ts';
import type { Effects } from '../consume/effects.ts';
import type { ConsumeObserver } from '../consume/observer.ts';
import type { OutboxBell } from '../consume/outboxBell.ts';
import { Processor } from '../consume/processor.ts';
import type { ForecastRules } from '../domain/estimate/outlook.ts';
import type { Fold } from '../domain/fold.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { EventLog, LogMessage } from '../log/eventLog.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database } from '../store/database.ts';
import { firstVersionOf } from '../store/schemas.ts';
import type { Version } from '../store/versions.ts';
import { foldOf, READ_MODELS } from '../topology/folds.ts';
import type { FoldName, RebuildableName } from '../topology/folds.ts';
import { systemClock } from '../clock.ts';
import { Reconciler } from './reconcile.ts';
import { followVersions } from './followVersions.ts';
import { PayersForgetting, withoutPayers } from './payers.ts';

/** What every processor of a process stands on. */
interface FoldContext {
  readonly database: Database;
  readonly log: EventLog;
  readonly rules: ThresholdRules;
  /** None when not given. */
  readonly forecasts?: ForecastRules | null;
  /** Not given or `null`: nothing is kept of any payer. */
  readonly payers?: { readonly most: number } | null;
  readonly observer: ConsumeObserver;
  /** Of the relays in this process, if there are any. */
  readonly bell?: OutboxBell;
  readonly lingerMs?: ConsumeOptions['lingerMs'];
  readonly onTakeOver?: ConsumeOptions['onTakeOver'];
}

/** One stream processor. */
interface StreamProcessor<E, S, O> {
  readonly fold: Fold<E, S, O>;
  readonly decode: (message: LogMessage) => E | null;
  /** The version of it that is kept up to date. */
  readonly installed: FoldId;
  readonly effects: Effects<O>;
  readonly between?: Between;
  readonly lingerMs?: ConsumeOptions['lingerMs'];
  readonly sendsLetters?: boolean;
  readonly mostCached?: number;
}

/** There may be more payers than fit in memory, and most don't come again soon: a state is read in no time. */
const PAYERS_CACHED = 10_000;

type Runner = (context: FoldContext, signal: AbortSignal) => Promise<void>;

/** Tables may be a moment late: alerts, decided at the same time from the same messages, go first. Milliseconds. */
const TABLES_LINGER_MS = 50;
/** Sums, and calls that were counted for longer than that, can be later: history and alerts of a poll go first. */
const LINGER_MS: Partial<Record<RebuildableName, number>> = { rollups: 500, outcomes: 500 };

const projecting = Object.fromEntries(
  READ_MODELS.map((what): [string, Runner] => [what, async (context, signal) => await project(context, what, signal)]),
) as Readonly<Record<RebuildableName, Runner>>;

export const FOLD_RUNNERS: Readonly<Record<FoldName, Runner>> = {
  ...projecting,
  alerting: react,
  payers: keepPayers,
};

/** Every version that is to be kept up to date, served or not: a rollback finds its version as new as the other. */
async function project(context: FoldContext, what: RebuildableName, signal: AbortSignal): Promise<void> {
  const { projection, decode } = foldOf(what);
  const { database, observer, lingerMs = LINGER_MS[what] ?? TABLES_LINGER_MS } = context;
  const onNone = (served: Version): void => observer.idle(projection.name, served);
  await followVersions({ database, fold: projection, signal, onNone }, async ({ version, served }, until) => {
    const installed = { name: projection.name, version };
    const effects = projectionEffects(database, projection, installed);
    await run(context, { fold: projection, decode, installed, effects, lingerMs, sendsLetters: served }, until);
  });
}

async function react(context: FoldContext, signal: AbortSignal): Promise<void> {
  const { rules, forecasts = null, bell, lingerMs } = context;
  const fold = alertingReactor(rules, forecasts);
  const effects = reactorEffects(RATE_LIMIT_ALERTS, bell);
  const between = new Reconciler({ ...context, fold, effects });
  const installed = firstVersionOf(fold);
  await run(context, { fold, decode: POLICY_STATES.decode, installed, effects, between, lingerMs }, signal);
}

async function keepPayers(context: FoldContext, signal: AbortSignal): Promise<void> {
  const { database, observer, payers = null, lingerMs = TABLES_LINGER_MS } = context;
  if (payers === null) {
    await withoutPayers(database, signal);
    return;
  }
  const onForgotten = observer.forgotten;
  const between = new PayersForgetting({ database, now: () => systemClock.now(), ...payers, onForgotten });
  const installed = firstVersionOf(payersFold);
  const reading = { fold: payersFold, decode: PAYER_OUTCOMES.decode, installed };
  const processor = { ...reading, effects: stateEffects, between, mostCached: PAYERS_CACHED };
  await run(context, { ...processor, lingerMs }, signal);
}

async function run<E, S, O>(
  { database, log, observer, onTakeOver }: FoldContext,
  { fold, decode, installed, effects, between, lingerMs, sendsLetters = true, ...cache }: StreamProcessor<E, S, O>,
  signal: AbortSignal,
): Promise<void> {
  const subscription = `${installed.name}-v${installed.version}`;
  observer.started(subscription);
  const processor = new Processor({
    database,
    fold,
    installed,
    decode,
    effects,
    observer,
    sendsLetters,
    ...cache,
    system: log.system,
  });
  const options = { log, topic: fold.topic, subscription, observer, between, lingerMs, onTakeOver };
  await consume(processor, options, signal);
}
