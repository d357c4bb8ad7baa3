/** Gauges and histograms of what a process does, with the series that are known before anything happened. */
import { SPENT_BY_LOOKS } from '../domain/catalog.ts';
import { gaugeFrom } from '../serve/instruments.ts';
import type { HistogramSpec } from '../serve/instruments.ts';
import type { Metrics } from '../serve/metrics.ts';
import { FOLDS } from '../topology/folds.ts';

const gauge = gaugeFrom('process');

export const LAST_POLL = gauge(
  'balde_poll_last_success_timestamp_seconds',
  'When this process last brought a whole list of a participant’s policies to the log',
  ['participant'],
);

const BUDGET = {
  tokens: gauge(
    'balde_budget_tokens',
    'Tokens left of POLICIES_LIST and POLICIES_READ, as this poller last read them',
    ['participant', 'policy'],
  ),
  capacity: gauge('balde_budget_capacity_tokens', 'Capacity of POLICIES_LIST and POLICIES_READ, as last read', [
    'participant',
    'policy',
  ]),
} as const;

export const BRIDGE_CALLS: HistogramSpec = {
  kind: 'histogram',
  name: 'balde_bridge_call_duration_seconds',
  help: 'Calls to the Bridge, for all policies or for one; a poll makes up to five',
  labels: ['participant', 'call', 'result'],
  source: 'process',
  // A call is given up after 30 s.
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
};

export const BATCHES: HistogramSpec = {
  kind: 'histogram',
  name: 'balde_batch_messages',
  help: 'Messages of a batch that a processor committed',
  labels: ['processor'],
  source: 'process',
  buckets: [1, 3, 10, 30, 100, 300, 1_000, 3_000],
};

export const COMMITS: HistogramSpec = {
  kind: 'histogram',
  name: 'balde_commit_duration_seconds',
  help: 'From the first message of a batch to its commit',
  labels: ['processor'],
  source: 'process',
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
};

interface Known {
  readonly participants: readonly string[];
}

/** Every histogram at a count of 0; gauges without a series, since nothing of theirs is known yet. */
export function beginMeasures(metrics: Metrics, { participants }: Known): void {
  for (const spec of [LAST_POLL, BUDGET.tokens, BUDGET.capacity, BRIDGE_CALLS, BATCHES, COMMITS]) metrics.declare(spec);
  for (const participant of participants)
    for (const call of ['list', 'read'])
      for (const result of ['ok', 'failed']) metrics.beginMeasure(BRIDGE_CALLS, { participant, call, result });
  for (const { name: processor } of FOLDS)
    for (const spec of [BATCHES, COMMITS]) metrics.beginMeasure(spec, { processor });
}

interface Budget {
  readonly participant: string;
  readonly policy: string;
  readonly tokens: number;
  readonly capacity: number;
}

export function showBudget(metrics: Metrics, { participant, policy, tokens, capacity }: Budget): void {
  metrics.set(BUDGET.tokens, { participant, policy }, tokens);
  metrics.set(BUDGET.capacity, { participant, policy }, capacity);
}

/** Another process polls now: what this one read grows old. */
export function forgetBudgets(metrics: Metrics, participant: string): void {
  for (const policy of SPENT_BY_LOOKS)
    for (const spec of [BUDGET.tokens, BUDGET.capacity]) metrics.remove(spec, { participant, policy });
}
