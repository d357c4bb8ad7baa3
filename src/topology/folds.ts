/** Which folds and topics exist, and which topic each fold reads. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { forecastsProjection } from '../../projections/forecasts/fold.ts';
import { outcomesProjection } from '../../projections/outcomes/fold.ts';
import { payersFold } from '../../projections/payers/fold.ts';
import { rollupsProjection } from '../../projections/rollups/fold.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import { deadLettersOf, PAYER_OUTCOMES, POLICY_STATES, RATE_LIMIT_ALERTS, REQUEST_OUTCOMES } from '../codec/topics.ts';
import type { Topic } from '../codec/topics.ts';
import type { Fold, FoldKind, Projection } from '../domain/fold.ts';
import { DAY_MS } from '../domain/time.ts';
import type { TopicSpec } from '../log/eventLog.ts';
import { placedOnly } from './placing.ts';

export interface FoldedTopic extends Pick<Fold<unknown, unknown, unknown>, 'name' | 'revision' | 'topic'> {
  readonly kind: FoldKind;
}

/** Refused by the types where the topic has other events than the projection reads. */
const readModel = <E, S, T extends string>(projection: Projection<E, S, T>, topic: Topic<E>) => ({ projection, topic });

/**
 * The read models, each under its name and with the topic it is folded from, in the order in which their public views
 * may depend on one another. What is run, rebuilt, verified, retained and watched follows from this list.
 */
export const REBUILDABLE = {
  states: readModel(statesProjection, POLICY_STATES),
  alerts: readModel(alertsProjection, RATE_LIMIT_ALERTS),
  forecasts: readModel(forecastsProjection, RATE_LIMIT_ALERTS),
  rollups: readModel(rollupsProjection, POLICY_STATES),
  outcomes: readModel(outcomesProjection, REQUEST_OUTCOMES),
} as const;
export type RebuildableName = keyof typeof REBUILDABLE;
export const READ_MODELS = Object.keys(REBUILDABLE) as readonly RebuildableName[];

const { states, ...others } = REBUILDABLE;

/** Every fold, in the order in which people are shown them. */
export const FOLDS: readonly FoldedTopic[] = [
  states.projection,
  alertingReactor(),
  ...Object.values(others).map(({ projection }) => projection),
  payersFold,
];
export type FoldName = RebuildableName | 'alerting' | 'payers';
export const FOLD_NAMES: readonly FoldName[] = [...READ_MODELS, 'alerting', 'payers'];

export interface DeadLetterTopic {
  readonly spec: TopicSpec;
  /** Name of the fold whose letters it holds. */
  readonly processor: string;
  /** Where their messages came from. */
  readonly source: string;
}

/** One per fold. */
export const DEAD_LETTER_TOPICS: readonly DeadLetterTopic[] = FOLDS.map(({ name, topic }) => ({
  spec: deadLettersOf(topic, name),
  processor: name,
  source: topic,
}));

/** The read models differ in their types; each goes with its own topic. */
type AnyProjection = Projection<unknown, unknown>;

export const foldOf = (what: RebuildableName) => {
  const { projection, topic } = REBUILDABLE[what];
  // Of the topics that are read, one is published to by others.
  const decode = topic === REQUEST_OUTCOMES ? placedOnly(topic) : topic.decode;
  return { projection: projection as unknown as AnyProjection, decode };
};

/** Every topic that Balde reads or writes. */
export const TOPICS: readonly TopicSpec[] = [
  POLICY_STATES,
  RATE_LIMIT_ALERTS,
  REQUEST_OUTCOMES,
  PAYER_OUTCOMES,
  ...DEAD_LETTER_TOPICS.map(({ spec }) => spec),
];

/** The topics whose messages come through the outbox, each with its relay: alert events and dead letters. */
export const RELAYED_TOPICS: readonly string[] = [
  RATE_LIMIT_ALERTS.name,
  ...DEAD_LETTER_TOPICS.map(({ spec }) => spec.name),
];

/** The read models whose months retention makes and drops. */
export const RETAINED_READ_MODELS = READ_MODELS.map((what) => foldOf(what).projection).filter(({ tables }) =>
  Object.values(tables).some(({ partitionedBy }) => partitionedBy !== undefined),
);

const readersOf = (name: string): string[] => FOLDS.filter(({ topic }) => topic === name).map((fold) => fold.name);

/**
 * Alerts stay for ever, on their topic too; observations and outcomes stay as long as history needs them, and what is
 * told of payers a day.
 */
export const TRIMMED_TOPICS = [POLICY_STATES, REQUEST_OUTCOMES, PAYER_OUTCOMES].map(({ name, keep }) => ({
  name,
  folds: readersOf(name),
  ...(keep === 'day' ? { keepMs: DAY_MS } : {}),
}));
