/** One poll of the Bridge, from the first attempt to an answer or to giving up. */
import { defer, firstValueFrom, retry, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Clock } from '../clock.ts';
import { LIST_POLICY } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import { pollIdentity } from '../domain/identity.ts';
import type { PoliciesAnswer, PolicyReading } from '../domain/validation.ts';
import { rejectionOf } from '../domain/validation.ts';
import { pollWait } from './backoff.ts';
import type { BridgeClient } from './bridgeClient.ts';
import { BridgeError } from './bridgeError.ts';
import type { Report } from './events.ts';

/** How long the Bridge has for a list, and for a read, which has lists waiting behind it. */
const DEADLINE_MS = { list: 30_000, read: 10_000 } as const;

export interface Poll {
  readonly participant: string;
  /** The only policy asked for; `null`: all of them. */
  readonly policy: string | null;
  readonly pollId: string;
  /** `pollId` without dashes: 32 hexadecimal digits, as the Bridge asks; the same for every attempt. */
  readonly correlationId: string;
  readonly startedAt: EpochMs;
}

export function startPoll(participant: string, startedAt: EpochMs, policy: string | null = null): Poll {
  const pollId = pollIdentity(participant, startedAt, policy);
  return { participant, policy, pollId, correlationId: pollId.replaceAll('-', ''), startedAt };
}

export interface BridgePollDeps {
  readonly bridge: Pick<BridgeClient, 'listPolicies' | 'readPolicy'>;
  readonly clock: Clock;
  readonly report: Report;
  /** Refill period of POLICIES_LIST, the bucket that list calls drain. Seconds. */
  readonly refillPeriodSec: number;
  /** Is told before each call. */
  readonly calling?: () => void;
}

/**
 * Asks the Bridge until it answers, at most five times. A read is tried once: what comes next sees the bucket, too.
 *
 * `retry` sits around one poll and nothing else: it resubscribes its source, so around the stream of ticks it would
 * start the schedule anew.
 * @throws {BridgeError} the last attempt's.
 * @throws the signal's reason, as soon as it aborts.
 */
export async function askBridge(deps: BridgePollDeps, poll: Poll, signal: AbortSignal): Promise<PoliciesAnswer> {
  const waitFor = (error: unknown, failures: number): Observable<never> | Promise<void> => {
    const isList = poll.policy === null;
    const wait = isList && error instanceof BridgeError ? pollWait(error, failures, deps.refillPeriodSec) : null;
    return wait === null ? throwError(() => error) : deps.clock.sleep(wait, signal);
  };
  const attempt = defer(async () => callOnce(deps, poll, signal));
  return firstValueFrom(attempt.pipe(retry({ delay: waitFor })));
}

async function callOnce(deps: BridgePollDeps, poll: Poll, signal: AbortSignal): Promise<PoliciesAnswer> {
  const { clock, report } = deps;
  const { participant, policy, pollId, correlationId } = poll;
  const startedAt = clock.now();
  const ended = (status: BridgeError['code'] | 'OK' | 'ERROR'): void =>
    report('onCall', { participant, pollId, policy, status, durationMs: since(clock, startedAt) });
  try {
    deps.calling?.();
    const call = { correlationId, deadlineMs: policy === null ? DEADLINE_MS.list : DEADLINE_MS.read, signal };
    const answer = await (policy === null ? deps.bridge.listPolicies(call) : deps.bridge.readPolicy(policy, call));
    ended('OK');
    return answer;
  } catch (error) {
    if (!signal.aborted) ended(error instanceof BridgeError ? error.code : 'ERROR');
    throw error;
  }
}

/** Milliseconds since `start`; 0 if the clock was set back meanwhile. */
export const since = (clock: Clock, start: EpochMs): number => Math.max(0, clock.now() - start);

/** The refill period of POLICIES_LIST that an answer reports, if it can be believed; else the one known before. */
export function refillPeriodOf(policies: readonly PolicyReading[], known: number): number {
  const own = policies.find((reading) => reading.name === LIST_POLICY);
  return own !== undefined && rejectionOf(own) === null ? own.refillPeriodSec : known;
}
