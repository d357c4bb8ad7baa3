/** Figures of calls as JSON has them, for the API and the commands alike. */
import type { CallFigures } from '../analysis/callFigures.ts';
import { iso } from '../format.ts';
import type { NotFoundRate, Share, Unexplained } from '../views/outcomes.ts';
import type { CallsSummary, NotFoundRateTold, ShareTold, UnexplainedTold } from './answers.ts';

export const rateJson = ({ participant: _participant, endpoint_id: _policy, ...rate }: NotFoundRate) =>
  rate satisfies NotFoundRateTold;

export const shareJson = ({ participant: _participant, endpoint_id: _policy, ...share }: Share) =>
  share satisfies ShareTold;

export const unexplainedJson = ({ participant: _participant, endpoint_id: _policy, ...proof }: Unexplained) =>
  ({
    ...proof,
    checked_from: iso(proof.checked_from),
    checked_until: iso(proof.checked_until),
    unexplained_since: iso(proof.unexplained_since),
    unexplained_until: iso(proof.unexplained_until),
  }) satisfies UnexplainedTold;

/** A bucket's day in few figures. */
export const callsJson = ({ rate, proof }: CallFigures): CallsSummary => ({
  error_404_rate: rate?.error_404_rate ?? null,
  error_404_rate_low: rate?.error_404_rate_low ?? null,
  error_404_rate_high: rate?.error_404_rate_high ?? null,
  queries: rate?.queries ?? 0,
  unexplained_at_least: proof?.unexplained_at_least ?? null,
  unexplained_since: iso(proof?.unexplained_since ?? null),
  unexplained_until: iso(proof?.unexplained_until ?? null),
});
