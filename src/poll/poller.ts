/**
 * The poller of one participant: stand by → elected → tick → poll → publish, until told to stop.
 *
 * Exclusive access to the producer elects one poller per participant; the others stand by in `log.producer`. A poll and
 * its publishing form one unit that ticks cannot interrupt or overlap: while the log is unavailable the poller holds
 * on to the answer it has, and skips ticks instead of piling up answers.
 */
import type { Logger } from 'pino';
import { catchError, EMPTY, exhaustMap, of, repeat } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Clock } from '../clock.ts';
import type { Topic } from '../codec/topics.ts';
import { LIST_POLICY_REFILL_PERIOD_SEC, SPENT_BY_LOOKS } from '../domain/catalog.ts';
import type { PolicyStateEvent } from '../domain/events.ts';
import { checkAnswer } from '../domain/validation.ts';
import type { CheckedAnswer, PoliciesAnswer } from '../domain/validation.ts';
import { run, steps, whileOpen } from '../flow.ts';
import { LogError, MessageRefusedError, ProducerBusyError, ProducerFencedError } from '../log/eventLog.ts';
import type { EventLog, Producer } from '../log/eventLog.ts';
import { Attention } from './attention.ts';
import { REELECTION_PAUSE_MS } from './backoff.ts';
import type { BridgeClient } from './bridgeClient.ts';
import { BridgeError } from './bridgeError.ts';
import { askBridge, refillPeriodOf, since, startPoll } from './bridgePoll.ts';
import type { Poll } from './bridgePoll.ts';
import { createReport } from './events.ts';
import type { PollerEvents, Report } from './events.ts';
import { createPublisher, logPatience } from './publish.ts';
import type { Publisher } from './publish.ts';
import type { PollResult } from './reasons.ts';
import { publishRetirements } from './retire.ts';
import { retirementOf, Roll } from './roll.ts';
import type { KnownPolicy } from './roll.ts';
import { abortable, within } from '../waiting.ts';
import { checkSchedule, paceOf, ticks } from './schedule.ts';
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
  readonly bridge: Pick<BridgeClient, 'listPolicies'>;
  readonly log: Pick<EventLog, 'producer'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events?: PollerEvents;
  /** After so many complete lists in a row that lack a policy it is retired; 0, the default, is never. */
  readonly retireAfterLists?: number;
  /** Policies of the participant that are observed, as the read model has them. */
  readonly knownPolicies?: () => Promise<readonly KnownPolicy[]>;
}

interface Context extends PollerDeps {
  readonly report: Report;
  readonly signal: AbortSignal;
  /** What the poller learns across elections. Refill period of POLICIES_LIST, seconds. */
  readonly learned: { refillPeriodSec: number };
}

const MAX_NAME_SHOWN = 200;
/** Polls don't wait for a database that is away: what it knows is asked for again. Milliseconds. */
const KNOWN_MS = 2_000;

/** Name under which the poller of a participant publishes, and by which it is elected. */
export const producerName = (participant: string): string => `poller-${participant}`;

/**
 * Polls until the signal aborts, then lets a send under way finish and resolves. A poll that fails is reported, and the
 * schedule goes on.
 * @throws {RangeError} the schedule can't be parsed or never fires.
 * @throws {LogError} the log refuses the producer for good (no such topic, or one that was terminated).
 */
export async function runPoller(deps: PollerDeps, signal: AbortSignal): Promise<void> {
  checkSchedule(deps.schedule);
  // Every event of the report names its participant; only what is logged beside it needs the child.
  const report = createReport(deps.logger, deps.events ?? {});
  const logger = deps.logger.child({ participant: deps.participant });
  const learned = { refillPeriodSec: LIST_POLICY_REFILL_PERIOD_SEC };
  const context: Context = { ...deps, logger, report, signal, learned };
  const step = steps(logPatience(context, deps.participant, signal));
  const terms = of(context).pipe(
    step(elected),
    whileOpen(({ producer }) => polls(context, producer)),
    catchError((error: unknown) => endOfTerm(context, error)),
    repeat({ delay: async () => deps.clock.sleep(REELECTION_PAUSE_MS, signal) }),
  );
  await run(terms, signal);
}

interface Seat {
  readonly producer: Producer;
  close(): Promise<void>;
}

/** Stands by until this process is the poller. */
async function elected({ log, topic, participant, signal, report, logger }: Context): Promise<Seat> {
  const name = producerName(participant);
  const onStandby = (): void => report('onStandby', { participant });
  const options = { name, access: 'waitForExclusive', wholeSends: true, onStandby, signal } as const;
  const producer = await log.producer(topic.name, options);
  report('onElected', { participant, lastSequenceId: producer.lastSequenceId });
  // A fenced or broken producer may fail to close; there is nothing left to save.
  const failed = (err: unknown): void => logger.warn({ err }, 'closing the producer failed');
  return { producer, close: async () => producer.close().catch(failed) };
}

/** Polls by the schedule until fenced or aborted; ticks during a poll are skipped. */
function polls(context: Context, producer: Producer): Observable<void> {
  const { clock, signal, pollWhenElected: immediate } = context;
  const publisher = createPublisher(context, producer);
  // A new one each term: what another poller saw meanwhile, this one does not know.
  const roll = new Roll(context.retireAfterLists ?? 0);
  const pace = paceOf(context.schedule);
  const attention = pace instanceof Attention ? pace : null;
  return ticks(pace, { clock, signal, immediate }).pipe(
    exhaustMap(async ({ reason }) => {
      const { participant, clock, report } = context;
      const poll = startPoll(participant, clock.now());
      const result = await pollOnce(context, poll, { publisher, roll, attention });
      report('onEnded', { participant, pollId: poll.pollId, reason, result, endedAt: clock.now() });
    }),
  );
}

/** Another poller took over: this one stands by again. */
function endOfTerm({ report, participant }: Context, error: unknown): Observable<never> {
  if (!(error instanceof ProducerFencedError || error instanceof ProducerBusyError)) throw error;
  report('onFenced', { participant });
  return EMPTY;
}

/** What a poller remembers from its election on. */
interface Term {
  readonly publisher: Publisher;
  readonly roll: Roll;
  readonly attention: Attention | null;
}

/** Poll, check, publish. Rejects only when the term is over: fenced, aborted, or with a log that takes nothing more. */
async function pollOnce(context: Context, poll: Poll, { publisher, roll, attention }: Term): Promise<PollResult> {
  const { participant, clock, report, signal } = context;
  try {
    attention?.look();
    const { refillPeriodSec } = context.learned;
    const answer = await askBridge({ ...context, refillPeriodSec }, poll, signal);
    context.learned.refillPeriodSec = refillPeriodOf(answer.policies, refillPeriodSec);
    const checked = checkAnswer(answer, { ...poll, observedAt: clock.now() });
    reportChecked(context, poll, answer, checked);
    if (!checked.ok) return 'rejected';
    attention?.learn(checked.observations, clock.now());
    await publishChecked(context, publisher, poll, checked);
    await retireMissing(context, roll, poll, checked);
    return checked.observations.length > 0 ? 'ok' : 'rejected';
  } catch (error) {
    if (signal.aborted || endsTerm(error)) throw error;
    const status = error instanceof BridgeError ? error.code : 'ERROR';
    if (status === 'RESOURCE_EXHAUSTED') attention?.refused(clock.now());
    const err = error instanceof Error ? error : new Error(String(error));
    report('onPollFailed', {
      participant,
      pollId: poll.pollId,
      status,
      durationMs: since(clock, poll.startedAt),
      err,
    });
    return 'failed';
  }
}

/** Fenced; or the log takes nothing from this poller any more, which polling on would only hide. */
const endsTerm = (error: unknown): boolean => error instanceof LogError && !(error instanceof MessageRefusedError);

function reportChecked(context: Context, poll: Poll, answer: PoliciesAnswer, checked: CheckedAnswer): void {
  const { report, clock } = context;
  const { participant, pollId } = poll;
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
  for (const { policy, availableTokens: tokens, capacity } of checked.observations)
    if (SPENT_BY_LOOKS.has(policy)) report('onBudget', { participant, pollId, policy, tokens, capacity });
  report('onPolled', {
    participant,
    pollId,
    responseTime: checked.responseTime,
    category,
    accepted: checked.observations.length,
    rejected: checked.rejected.length,
    durationMs: since(clock, poll.startedAt),
  });
}

/** Policies that list after list lacks are retired, once what the list has is published. */
async function retireMissing(
  context: Context,
  roll: Roll,
  poll: Poll,
  checked: Extract<CheckedAnswer, { ok: true }>,
): Promise<void> {
  const { logger, clock, report, retireAfterLists = 0, knownPolicies, signal } = context;
  if (retireAfterLists === 0) return;
  const failed = (err: unknown): void => logger.debug({ err }, 'the read model did not tell which policies there are');
  const known = within(KNOWN_MS, knownPolicies?.() ?? Promise.resolve([]), () => []).catch(failed);
  roll.learn((await abortable(known, signal)) ?? []);
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
  context: Context,
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
