/** The Bridge's answer as proto-loader takes it (`keepCase`), see proto/bacen/dict/v2/rate_limit_service.proto. */
import type { EpochMs } from '../domain/events.ts';
import type { ParticipantBuckets } from './participant.ts';
import type { BucketTraffic } from './traffic.ts';

/** `google.protobuf.Timestamp`. */
export interface WireTimestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface WirePolicy {
  readonly name: string;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly refill_tokens: number;
  readonly refill_period_sec: number;
}

/** Both calls answer with this; `GetRateLimitPolicy` sends its only policy. DICT never sends `policy_category`. */
export interface Answer {
  readonly responseTime: EpochMs | null;
  readonly category: string;
  readonly policies: readonly WirePolicy[];
}

export const timestamp = (at: EpochMs): WireTimestamp => {
  const seconds = Math.floor(at / 1000);
  return { seconds, nanos: Math.round((at - seconds * 1000) * 1_000_000) };
};

/** State of the given buckets, which must have been advanced to `at`. */
export function answerOf(participant: ParticipantBuckets, buckets: Iterable<BucketTraffic>, at: EpochMs): Answer {
  const policies: WirePolicy[] = [];
  for (const { policy, bucket } of buckets) {
    policies.push({
      name: policy.name,
      available_tokens: bucket.tokensAt(at),
      capacity: bucket.capacity,
      refill_tokens: bucket.refillTokens,
      refill_period_sec: bucket.refillPeriodSec,
    });
  }
  return { responseTime: at, category: participant.category, policies };
}
