/** The Bridge's wire ↔ the domain's answer. What proto-loader makes of a message is known here and nowhere else. */
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import type { MethodDefinition, ServiceDefinition } from '@grpc/proto-loader';
import type { EpochMs } from '../domain/events.ts';
import type { PoliciesAnswer, PolicyReading } from '../domain/validation.ts';
import { packageRoot } from '../packageRoot.ts';

/** `google.protobuf.Timestamp`: `nanos` is 0 … 999,999,999 and counts forward, before 1970 too. */
interface WireTimestamp {
  readonly seconds: number;
  readonly nanos: number;
}

interface WirePolicy {
  readonly name: string;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly refill_tokens: number;
  readonly refill_period_sec: number;
}

/** `bacen.dict.v2.GetRateLimitPoliciesResponse` under the options of {@link bridgeService}. */
export interface WirePolicies {
  readonly response_time: WireTimestamp | null;
  readonly category: string;
  readonly policies: readonly WirePolicy[];
}

const PROTO = 'bacen/dict/v2/rate_limit_service.proto';
const SERVICE = 'bacen.dict.v2.RateLimitService';

/** `longs: Number` is exact for every second a Date can hold; a wilder one is refused as an implausible time. */
const LOADING = { keepCase: true, longs: Number, defaults: true } as const;

/**
 * `bacen.dict.v2.RateLimitService`, read from proto/: path and (de)serializers of each method.
 * @throws {Error} the installation lacks the proto file.
 */
export function bridgeService(): ServiceDefinition {
  const loaded = loadSync(PROTO, { ...LOADING, includeDirs: [join(packageRoot, 'proto')] })[SERVICE];
  if (loaded === undefined || 'format' in loaded) throw new Error(`${PROTO} defines no service ${SERVICE}`);
  return loaded;
}

/** `bacen.dict.v2.GetRateLimitPolicyResponse`. */
export interface WireOnePolicy extends Omit<WirePolicies, 'policies'> {
  readonly policy: WirePolicy | null;
}

/** The method that lists every policy of a participant, out of {@link bridgeService}. */
export const listMethod = (service: ServiceDefinition): MethodDefinition<object, WirePolicies> =>
  methodOf(service, 'GetRateLimitPolicies');

/** The method that reads one policy. */
export const readMethod = (service: ServiceDefinition): MethodDefinition<{ policy_name: string }, WireOnePolicy> =>
  methodOf(service, 'GetRateLimitPolicy');

function methodOf<Q, A>(service: ServiceDefinition, name: string): MethodDefinition<Q, A> {
  const method = service[name];
  if (method === undefined) throw new Error(`${SERVICE} has no method ${name}`);
  return method as unknown as MethodDefinition<Q, A>;
}

/**
 * A decoded message as a domain answer, not yet believed: `checkAnswer` decides that. Proto3 sends neither zeros nor
 * empty strings, so a missing number reads as 0 and a missing category as `null`.
 */
export function answerFromWire(wire: WirePolicies): PoliciesAnswer {
  return {
    responseTime: wire.response_time === null ? null : epochMsOf(wire.response_time),
    category: wire.category === '' ? null : wire.category,
    policies: wire.policies.map(readingFromWire),
  };
}

/** The answer about one policy as one about all of them: what is missing in it is believed of neither. */
export const answerFromOne = ({ policy, ...head }: WireOnePolicy): PoliciesAnswer =>
  answerFromWire({ ...head, policies: policy === null ? [] : [policy] });

/** The reverse of {@link answerFromWire}: what a Bridge sends. */
export function answerToWire(answer: PoliciesAnswer): WirePolicies {
  return {
    response_time: answer.responseTime === null ? null : timestampOf(answer.responseTime),
    category: answer.category ?? '',
    policies: answer.policies.map((reading) => ({
      name: reading.name,
      available_tokens: reading.availableTokens,
      capacity: reading.capacity,
      refill_tokens: reading.refillTokens,
      refill_period_sec: reading.refillPeriodSec,
    })),
  };
}

/** The participant's category counts; `policy_category` is in the contract but DICT never sends it. */
const readingFromWire = (wire: WirePolicy): PolicyReading => ({
  name: wire.name,
  availableTokens: wire.available_tokens,
  capacity: wire.capacity,
  refillTokens: wire.refill_tokens,
  refillPeriodSec: wire.refill_period_sec,
});

/** Floor to DICT's precision: two readings of one instant have one identity whatever the Bridge adds below 1 ms. */
const epochMsOf = (at: WireTimestamp): EpochMs => at.seconds * 1000 + Math.floor(at.nanos / 1_000_000);

const timestampOf = (at: EpochMs): WireTimestamp => {
  const seconds = Math.floor(at / 1000);
  return { seconds, nanos: Math.round((at - seconds * 1000) * 1_000_000) };
};
