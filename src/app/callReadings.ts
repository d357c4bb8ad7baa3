/** What alerts about calls are decided by: the rates of 24 hours, the proofs, and the buckets as last seen. */
import type { BucketSeen, CallAlertLevels, CallReading, KnownOfCalls, Measured } from '../domain/callAlerts.ts';
import { isCreditedOnPaymentOrder } from '../domain/catalog.ts';
import type { CallAlertKind, EpochMs } from '../domain/events.ts';
import { isTold } from '../domain/notFoundRate.ts';
import { DAY_MS, HOUR_MS } from '../domain/time.ts';
import { observe } from '../serve/observing.ts';
import type { Database } from '../store/database.ts';
import { keyOf } from '../views/buckets.ts';
import { latestStates } from '../views/latest.ts';
import type { LatestState } from '../views/latest.ts';
import { minuteOf, notFoundRates, reportedBuckets } from '../views/outcomes.ts';
import type { NotFoundRate } from '../views/outcomes.ts';
import { Proofs } from './proofs.ts';
import type { Proven } from './proofs.ts';

/** A statement ends then: what takes longer is told the next minute. Milliseconds. */
const STATEMENT_MS = 4_000;
/** A proof of less time says nothing of a day: a source has just begun, or is silent. Milliseconds. */
const DAY_IS_PROVEN_MS = 12 * HOUR_MS;

interface ReadingsOptions {
  /** For whoever watches: never the pool of the work. */
  readonly database: Pick<Database, 'transaction'>;
  readonly levels: CallAlertLevels;
  readonly now: () => EpochMs;
  /** Told of what could not be read: nothing is decided about it. */
  readonly onFailed: (error: unknown) => void;
}

type Read = Pick<KnownOfCalls, 'buckets' | 'readings' | 'complete'>;
type OfKinds = Pick<KnownOfCalls, 'readings' | 'complete'>;

const NOTHING: OfKinds = { readings: [], complete: [] };

export class CallReadings {
  readonly #options: ReadingsOptions;
  readonly #proofs: Proofs;

  constructor(options: ReadingsOptions) {
    this.#options = options;
    this.#proofs = new Proofs({ ...options, statementMs: STATEMENT_MS });
  }

  /** Of the kinds that have a level. */
  async read(signal: AbortSignal): Promise<Read> {
    const { levels, database } = this.#options;
    if (Object.values(levels).every((level) => level === null)) return { buckets: new Map(), ...NOTHING };
    const buckets = new Map(
      (await observe(database, latestStates, STATEMENT_MS)).map((state) => [keyOf(state), seenOf(state)]),
    );
    const rates = await this.#unlessItFails(async () => await this.#rates());
    const proofs = await this.#unlessItFails(async () => await this.#unexplained(signal));
    return {
      buckets,
      readings: [...rates.readings, ...proofs.readings],
      complete: [...rates.complete, ...proofs.complete],
    };
  }

  async #unlessItFails(read: () => Promise<OfKinds>): Promise<OfKinds> {
    try {
      return await read();
    } catch (error) {
      this.#options.onFailed(error);
      return NOTHING;
    }
  }

  async #rates(): Promise<OfKinds> {
    const { levels, database, now } = this.#options;
    const kinds = (['NOT_FOUND_RATE', 'QUERIES_PER_PAYMENT_ORDER'] as const).filter((kind) => levels[kind] !== null);
    if (kinds.length === 0) return NOTHING;
    const at = minuteOf(now());
    const rates = await observe(database, async (tx) => await notFoundRates(tx, at), STATEMENT_MS);
    const ofDay = rates.filter(({ hours }) => hours === 24);
    return {
      readings: kinds.flatMap((kind) =>
        ofDay.map((rate) => ({ ...bucketOf(rate), kind, measured: isTold(rate) ? rateOf(kind, rate, at) : null })),
      ),
      complete: kinds,
    };
  }

  async #unexplained(signal: AbortSignal): Promise<OfKinds> {
    const { levels, database } = this.#options;
    if (levels.UNEXPLAINED === null) return NOTHING;
    const buckets = await observe(database, reportedBuckets, STATEMENT_MS);
    const proven = await this.#proofs.prove(buckets, signal);
    return {
      readings: [...proven.values()].map((one): CallReading => ({
        ...bucketOf(one),
        kind: 'UNEXPLAINED',
        measured: proofOf(one),
      })),
      complete: buckets.every((bucket) => proven.has(keyOf(bucket))) ? ['UNEXPLAINED'] : [],
    };
  }
}

const bucketOf = ({ participant, endpoint_id: policy }: Pick<NotFoundRate, 'participant' | 'endpoint_id'>) => ({
  ...{ participant, policy },
});

function rateOf(kind: CallAlertKind, rate: NotFoundRate, at: EpochMs): Measured | null {
  const { queries, not_found: notFound, payment_orders: paymentOrders } = rate;
  const callValue = kind === 'NOT_FOUND_RATE' ? (100 * notFound) / queries : queriesPerOrder(rate);
  if (callValue === null) return null;
  return {
    ...{ callValue, queries, notFound, paymentOrders },
    ...{ measuredFrom: at - DAY_MS, measuredUntil: at, isPartial: false },
  };
}

/** Queries without any order are as those of one at least; where none belongs to the policy, 0 of them say nothing. */
function queriesPerOrder({ queries, payment_orders: orders, endpoint_id: policy }: NotFoundRate): number | null {
  if (orders === null || (orders === 0 && !isCreditedOnPaymentOrder(policy))) return null;
  return queries / Math.max(1, orders);
}

function proofOf({ proof }: Proven): Measured | null {
  if (proof === null) return null;
  const { unexplained_at_least: callValue, checked_from: from, checked_until: until } = proof;
  if (callValue === null || from === null || until === null) return null;
  return {
    ...{ callValue, queries: null, notFound: null, paymentOrders: null },
    measuredFrom: proof.unexplained_since ?? from,
    measuredUntil: proof.unexplained_until ?? until,
    isPartial: until - from < DAY_IS_PROVEN_MS,
  };
}

const seenOf = (state: LatestState): BucketSeen => ({
  availableTokens: state.available_tokens,
  capacity: state.capacity,
  utilizationPercent: state.utilization_percent,
  consumptionRatePerMinute: state.consumption_rate_per_minute,
  ...(state.consumption_rate_low_per_minute === null
    ? {}
    : { consumptionRateLowPerMinute: state.consumption_rate_low_per_minute }),
  recoveryEtaSeconds: state.recovery_eta_seconds,
  exhaustionProjectionSeconds: state.exhaustion_projection_seconds,
  category: state.psp_category,
});
