/** One poll: the Bridge is asked, the answer checked and published, policies that a list lacks are retired. */
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Topic } from '../codec/topics.ts';
import { SPENT_BY_LOOKS } from '../domain/catalog.ts';
import type { EpochMs, PolicyStateEvent } from '../domain/events.ts';
import { checkAnswer } from '../domain/validation.ts';
import type { CheckedAnswer, PoliciesAnswer } from '../domain/validation.ts';
import { LogError, MessageRefusedError, ProducerBusyError } from '../log/eventLog.ts';
import type { EventLog } from '../log/eventLog.ts';
import { abortable, within } from '../waiting.ts';
import type { Attention } from './attention.ts';
import type { BridgeClient } from './bridgeClient.ts';
import { BridgeError } from './bridgeError.ts';
import { askBridge, refillPeriodOf, since } from './bridgePoll.ts';
import type { Poll } from './bridgePoll.ts';
import type { PollerEvents, Report } from './events.ts';
import type { Publisher } from './publish.ts';
import type { PollReason, PollResult } from './reasons.ts';
import { recall, RECALL_MS } from './recall.ts';
import type { RecalledReading } from './recall.ts';
import { publishRetirements } from './retire.ts';
import { retirementOf } from './roll.ts';
import type { KnownPolicy, Roll } from './roll.ts';
import type { Schedule } from './schedule.ts';

export interface PollerDeps {
  /** ISPB of the participant whose buckets are polled. */
  readonly participant: string;
  /** Of observations; it exists. */
  readonly topic: Topic<PolicyStateEvent>;
  readonly schedule: Schedule;
  /** Polls as soon as elected too, so that a takeover leaves no gap; then by the schedule. */
  readonly pollWhenElected: boolean;
  /** The participant's own; closed by whoever made it. */
  readonly bridge: Pick<BridgeClient, 'listPolicies' | 'readPolicy'>;
  readonly log: Pick<EventLog, 'producer' | 'system'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events?: PollerEvents;
  /** After so many complete lists in a row that lack a policy it is retired; 0, the default, is never. */
  readonly retireAfterLists?: number;
  /** Policies of the participant that are observed, as the read model has them. */
  readonly knownPolicies?: () => Promise<readonly KnownPolicy[]>;
  /** The participant's newest observations from a time on, by time, as the read model has them. */
  readonly recentReadings?: (since: EpochMs) => Promise<readonly RecalledReading[]>;
}

/** A poller at work. */
export interface PollContext extends PollerDeps {
  readonly report: Report;
  readonly signal: AbortSignal;
  /** What the poller learns across elections. Refill period of POLICIES_LIST, seconds. */
  readonly learned: { refillPeriodSec: number };
}

const MAX_NAME_SHOWN = 200;
/** Polls don't wait for a database that is away: what it knows is asked for again. Milliseconds. */
const KNOWN_MS = 2_000;

/** What a poller remembers from its election on. */
interface Term {
  readonly publisher: Publisher;
  readonly roll: Roll;
  readonly attention: Attention | null;
}

interface Occasion extends Term {
  readonly reason: PollReason;
}

/** Poll, check, publish. Rejects only when the term is over: fenced, aborted, or with a log that takes nothing more. */
export async function pollOnce(context: PollContext, poll: Poll, occasion: Occasion): Promise<PollResult> {
  const { participant, clock, report, signal } = context;
  const { publisher, roll, attention, reason } = occasion;
  const { policy } = poll;
  try {
    const { refillPeriodSec } = context.learned;
    const calling = (): void => attention?.asked({ policy, reason }, clock.now());
    const answer = await askBridge({ ...context, refillPeriodSec, calling }, poll, signal);
    context.learned.refillPeriodSec = refillPeriodOf(answer.policies, refillPeriodSec);
    const checked = asAsked(checkAnswer(answer, { ...poll, observedAt: clock.now() }), policy);
    reportChecked(context, poll, answer, checked);
    const isBelieved = checked.ok && checked.observations.length > 0;
    if (!isBelieved) attention?.failed({ policy, reason }, 'ERROR', clock.now());
    if (!checked.ok) return 'rejected';
    attention?.learn(checked.observations, clock.now(), poll);
    await publishChecked(context, publisher, poll, checked);
    if (policy === null) await retireMissing(context, roll, poll, checked);
    return isBelieved ? 'ok' : 'rejected';
  } catch (error) {
    if (signal.aborted || endsTerm(error)) throw error;
    const status = error instanceof BridgeError ? error.code : 'ERROR';
    attention?.failed({ policy, reason }, status, clock.now());
    const err = error instanceof Error ? error : new Error(String(error));
    report('onPollFailed', {
      participant,
      pollId: poll.pollId,
      policy,
      status,
      durationMs: since(clock, poll.startedAt),
      err,
    });
    return 'failed';
  }
}

/** An answer about another policy than the one asked for is none. */
function asAsked(checked: CheckedAnswer, policy: string | null): CheckedAnswer {
  const other = checked.ok && policy !== null && checked.observations.find((one) => one.policy !== policy);
  if (!other) return checked;
  return { ok: false, reason: 'no_policies', detail: `asked for ${policy}, the answer tells of ${other.policy}` };
}

/** Fenced; or the log takes nothing from this poller any more, which polling on would only hide. */
const endsTerm = (error: unknown): boolean => error instanceof LogError && !(error instanceof MessageRefusedError);

function reportChecked(context: PollContext, poll: Poll, answer: PoliciesAnswer, checked: CheckedAnswer): void {
  const { report, clock } = context;
  const { participant, pollId, policy } = poll;
  const { responseTime, category } = answer;
  if (!checked.ok) {
    const { reason, detail } = checked;
    const policies = answer.policies.length;
    report('onRejectedAnswer', { participant, pollId, reason, detail, responseTime, category, policies });
    return;
  }
  for (const { reason, reading } of checked.rejected) {
    // A name is rejected for its length, too: the log shows where it begins.
    const shown = { ...reading, name: reading.name.slice(0, MAX_NAME_SHOWN) };
    report('onRejectedPolicy', { participant, pollId, reason, reading: shown });
  }
  for (const { policy: paid, availableTokens: tokens, capacity } of checked.observations)
    if (SPENT_BY_LOOKS.has(paid)) report('onBudget', { participant, pollId, policy: paid, tokens, capacity });
  report('onPolled', {
    participant,
    pollId,
    policy,
    responseTime: checked.responseTime,
    category,
    accepted: checked.observations.length,
    rejected: checked.rejected.length,
    durationMs: since(clock, poll.startedAt),
  });
}

/** What the read model can tell; nothing, if it doesn't within a moment. */
async function toldByReadModel<T>(
  { logger, signal }: PollContext,
  what: string,
  ask: () => Promise<readonly T[]> = async () => Promise.resolve([]),
): Promise<readonly T[]> {
  const failed = (err: unknown): void => logger.debug({ err }, `the read model did not tell ${what}`);
  const told = within<readonly T[]>(KNOWN_MS, ask(), () => []).catch(failed);
  return (await abortable(told, signal)) ?? [];
}

/** A poller that begins, after a restart or in another's place, goes on where the log says that polling is. */
export async function recallRecent(context: PollContext, attention: Attention): Promise<void> {
  const { clock, recentReadings } = context;
  const since = clock.now() - RECALL_MS;
  const recent = recentReadings && (async () => await recentReadings(since));
  recall(attention, await toldByReadModel(context, 'what was observed lately', recent));
}

/** Policies that list after list lacks are retired, once what the list has is published. */
async function retireMissing(
  context: PollContext,
  roll: Roll,
  poll: Poll,
  checked: Extract<CheckedAnswer, { ok: true }>,
): Promise<void> {
  const { clock, report, retireAfterLists = 0, knownPolicies } = context;
  if (retireAfterLists === 0) return;
  roll.learn(await toldByReadModel(context, 'which policies there are', knownPolicies));
  const due = roll.note(checked);
  const { participant, pollId, correlationId } = poll;
  const { responseTime } = checked;
  const occasion = { participant, responseTime, observedAt: clock.now(), pollId, correlationId };
  const [first, ...others] = due.map((known) => retirementOf(known, occasion));
  if (first === undefined) return;
  try {
    await publishRetirements(context, poll, [first, ...others]);
  } catch (error) {
    // A person does the same at this moment: the next list tells.
    if (error instanceof ProducerBusyError) return;
    throw error;
  }
  roll.retired(due);
  report('onRetired', { participant, pollId, responseTime, policies: due.map(({ policy }) => policy) });
}

async function publishChecked(
  context: PollContext,
  publisher: Publisher,
  poll: Poll,
  { responseTime, observations }: Extract<CheckedAnswer, { ok: true }>,
): Promise<void> {
  const [first, ...others] = observations;
  if (first === undefined) return;
  try {
    await publisher.publish(poll, [first, ...others], context.signal);
  } catch (error) {
    const { participant, pollId } = poll;
    const lost = { participant, pollId, responseTime, observations: observations.length };
    context.report('onAbandoned', lost);
    throw error;
  }
}
