/**
 * The counters of what a process does, each with the series that are known before anything happened.
 *
 * `increase()` of a series that begins with 1 is 0: the first event of a rare kind would go unnoticed. So every series
 * whose labels are known begins with 0 when the process starts.
 */
import { ANSWER_REJECTIONS, POLICY_REJECTIONS } from '../domain/validation.ts';
import { BRIDGE_STATUSES } from '../poll/bridgeError.ts';
import { POLL_RESULTS } from '../poll/reasons.ts';
import type { PollReason } from '../poll/reasons.ts';
import type { CounterSpec, Labels } from '../serve/instruments.ts';
import type { Metrics } from '../serve/metrics.ts';
import { firstVersionOf } from '../store/schemas.ts';
import { DEAD_LETTER_TOPICS, FOLDS, RELAYED_TOPICS } from '../topology/folds.ts';
import { FORGOTTEN } from './payers.ts';

/** What a process knows of itself when it starts. */
export interface KnownSeries {
  /** Those it polls. */
  readonly participants: readonly string[];
  /** Why it polls, as its schedule knows it. */
  readonly reasons: readonly PollReason[];
  /** Topics that are archived, by the target that archives them; none without an archive. */
  readonly archives: readonly { readonly target: string; readonly topics: readonly string[] }[];
}

interface KnownCounter extends Pick<CounterSpec, 'help' | 'labels'> {
  readonly series: (known: KnownSeries) => readonly Labels[];
}

/** How a poll can end: well, with nothing that can be believed, with an answer refused as a whole, or without one. */
const OUTCOMES = ['ok', 'rejected', ...ANSWER_REJECTIONS, ...BRIDGE_STATUSES, 'ERROR'] as const;
export type PollOutcome = (typeof OUTCOMES)[number];

const ofParticipants = ({ participants }: KnownSeries): Labels[] =>
  participants.map((participant) => ({ participant }));

const ofParticipantsAnd =
  (label: string, values: readonly string[]) =>
  (known: KnownSeries): Labels[] =>
    ofParticipants(known).flatMap((participant) => values.map((value) => ({ ...participant, [label]: value })));

const ofFolds = (): Labels[] => FOLDS.map(({ name }) => ({ fold: name }));

const ofArchives = ({ archives }: KnownSeries): { readonly target: string; readonly topic: string }[] =>
  archives.flatMap(({ target, topics }) => topics.map((topic) => ({ target, topic })));

/** Who waits for database, log or archive. Later versions of folds are added when they begin. */
const waiting = (known: KnownSeries): Labels[] => [
  ...FOLDS.map((fold) => ({ who: `${fold.name}-v${firstVersionOf(fold).version}` })),
  ...RELAYED_TOPICS.map((topic) => ({ who: `relay ${topic}` })),
  ...ofArchives(known).map(({ target, topic }) => ({ who: `archive-${target} ${topic}` })),
];

export const COUNTERS = {
  balde_polls_total: {
    help: 'Polls by outcome',
    labels: ['participant', 'outcome'],
    series: ofParticipantsAnd('outcome', OUTCOMES),
  },
  balde_polls_by_reason_total: {
    help: 'Polls by what brought them and how they ended',
    labels: ['participant', 'reason', 'result'],
    series: ({ participants, reasons }: KnownSeries) =>
      participants.flatMap((participant) =>
        reasons.flatMap((reason) => POLL_RESULTS.map((result) => ({ participant, reason, result }))),
      ),
  },
  balde_rejected_policies_total: {
    help: 'Policies of an answer not believed',
    labels: ['participant', 'reason'],
    series: ofParticipantsAnd('reason', POLICY_REJECTIONS),
  },
  balde_observations_published_total: {
    help: 'Observations stored in the log',
    labels: ['participant'],
    series: ofParticipants,
  },
  balde_duplicate_observations_total: {
    help: 'Observations the log had already',
    labels: ['participant'],
    series: ofParticipants,
  },
  balde_clock_steps_back_total: {
    help: "Answers whose time was before the last one's",
    labels: ['participant'],
    series: ofParticipants,
  },
  balde_messages_processed_total: { help: 'Messages committed by a fold', labels: ['fold'], series: ofFolds },
  balde_dead_letters_total: {
    help: 'Messages no fold could use',
    labels: ['fold', 'topic'],
    series: () => DEAD_LETTER_TOPICS.map(({ processor, source }) => ({ fold: processor, topic: source })),
  },
  balde_expired_rows_total: { help: 'Rows left out: older than retention', labels: ['fold'], series: ofFolds },
  balde_checkpoint_conflicts_total: {
    help: 'Batches undone because another instance was ahead',
    labels: ['fold'],
    series: ofFolds,
  },
  balde_outage_retries_total: {
    help: 'Steps tried again because database or log were away',
    labels: ['who'],
    series: waiting,
  },
  balde_messages_relayed_total: {
    help: 'Messages that reached their topic',
    labels: ['topic'],
    series: () => RELAYED_TOPICS.map((topic) => ({ topic })),
  },
  balde_retention_runs_total: {
    help: 'Runs of the retention compactor',
    labels: ['result'],
    series: () => [{ result: 'ok' }, { result: 'failed' }],
  },
  balde_payers_forgotten_total: {
    help: 'Payers no longer kept: their buckets are full again, or more than PAYERS_LIMIT are not',
    labels: ['reason'],
    series: () => FORGOTTEN.map((reason) => ({ reason })),
  },
  balde_archived_events_total: { help: 'Messages archived', labels: ['target', 'topic'], series: ofArchives },
} as const satisfies Readonly<Record<string, KnownCounter>>;

export type CounterName = keyof typeof COUNTERS;

const specOf = (name: CounterName): CounterSpec => {
  const { help, labels } = COUNTERS[name];
  return { kind: 'counter', name, help, labels, source: 'process' };
};

export function count(metrics: Pick<Metrics, 'count'>, name: CounterName, labels: Labels, by = 1): void {
  metrics.count(specOf(name), labels, by);
}

/** Every series that is known, at 0. */
export function beginCounters(metrics: Pick<Metrics, 'count'>, known: KnownSeries): void {
  for (const name of Object.keys(COUNTERS) as CounterName[]) {
    for (const labels of COUNTERS[name].series(known)) count(metrics, name, labels, 0);
  }
}
