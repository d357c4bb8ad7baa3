/** The policies known, and how a person retires those that nobody observes any more. */
import { bucketStates } from '../views/retirements.ts';
import { systemClock } from '../clock.ts';
import { POLICY_STATES } from '../codec/topics.ts';
import { bucketKey, bucketOfKey } from '../domain/events.ts';
import type { EpochMs, PolicyRetired } from '../domain/events.ts';
import { ProducerBusyError } from '../log/eventLog.ts';
import { startPoll } from '../poll/bridgePoll.ts';
import { publishRetirements } from '../poll/retire.ts';
import { retirementOf } from '../poll/roll.ts';
import type { KnownPolicy } from '../poll/roll.ts';
import type { Database } from '../store/database.ts';
import { UsageError } from '../errors.ts';
import type { Storage } from '../app/storage.ts';

export interface PolicyEntry extends KnownPolicy {
  readonly participant: string;
  readonly firstSeen: EpochMs;
  /** `null` while it is listed. */
  readonly retiredAt: EpochMs | null;
}

/** Every policy ever observed, by participant and name. */
export async function listPolicies(database: Database, participant?: string): Promise<PolicyEntry[]> {
  const states = await bucketStates(database, 'true');
  return [...states]
    .map(([key, { newest, firstSeen, retired = [] }]): PolicyEntry => {
      const last = retired.at(-1) ?? -Infinity;
      return {
        ...bucketOfKey(key),
        ...newest,
        firstSeen,
        retiredAt: last > newest.responseTime ? last : null,
      };
    })
    .filter((entry) => participant === undefined || entry.participant === participant)
    .sort((a, b) => (bucketKey(a) < bucketKey(b) ? -1 : 1));
}

export interface RetireQuery {
  readonly participant: string;
  /** All of the participant's without. */
  readonly policy?: string | undefined;
}

/** Those that would be retired. @throws {UsageError} nothing of the kind was ever observed */
export async function retirable(database: Database, query: RetireQuery): Promise<PolicyEntry[]> {
  const { participant, policy } = query;
  const own = await listPolicies(database, participant);
  const found = own.filter((entry) => policy === undefined || entry.policy === policy);
  if (found.length === 0)
    throw new UsageError(
      own.length === 0
        ? `no policy of participant ${participant} was ever observed: balde policies list shows which were`
        : `participant ${participant} has no policy ${policy ?? ''}: balde policies list shows which it has`,
    );
  return found.filter(({ retiredAt }) => retiredAt === null);
}

/** Says on the topic of observations that they are retired. */
export async function retirePolicies(
  { log }: Pick<Storage, 'log'>,
  participant: string,
  policies: readonly PolicyEntry[],
  signal: AbortSignal,
): Promise<EpochMs> {
  const now = systemClock.now();
  // After what was last observed, should DICT's clock be ahead.
  const responseTime = Math.max(now, ...policies.map((policy) => policy.responseTime + 1));
  const poll = startPoll(participant, now);
  const occasion = { participant, responseTime, observedAt: now, pollId: poll.pollId, correlationId: null };
  const [first, ...others] = policies.map(
    ({ participant: _participant, firstSeen: _firstSeen, retiredAt: _retiredAt, ...known }): PolicyRetired =>
      retirementOf(known, occasion),
  );
  if (first === undefined) return responseTime;
  const deps = { log, topic: POLICY_STATES, clock: systemClock, signal };
  try {
    await publishRetirements({ ...deps, report: () => undefined }, poll, [first, ...others]);
  } catch (error) {
    if (!(error instanceof ProducerBusyError)) throw error;
    throw new UsageError(`policies of ${participant} are being retired at this moment: try again`, {
      cause: error,
    });
  }
  return responseTime;
}
