/**
 * The poller of one participant: stand by → elected → tick → poll → publish, until told to stop.
 *
 * Exclusive access to the producer elects one poller per participant; the others stand by in `log.producer`. A poll and
 * its publishing form one unit that ticks cannot interrupt or overlap: while the log is unavailable the poller holds
 * on to the answer it has, and skips ticks instead of piling up answers.
 */
import { catchError, concat, defer, EMPTY, exhaustMap, ignoreElements, of, repeat } from 'rxjs';
import type { Observable } from 'rxjs';
import { LIST_POLICY_REFILL_PERIOD_SEC } from '../domain/catalog.ts';
import { run, steps, whileOpen } from '../flow.ts';
import { ProducerBusyError, ProducerFencedError } from '../log/eventLog.ts';
import type { Producer } from '../log/eventLog.ts';
import { failed, NO_PARENT, traced } from '../tracing.ts';
import { Attention } from './attention.ts';
import type { DueAsk } from './attention.ts';
import { REELECTION_PAUSE_MS } from './backoff.ts';
import { startPoll } from './bridgePoll.ts';
import type { Poll } from './bridgePoll.ts';
import { createReport } from './events.ts';
import { pollOnce, recallRecent } from './onePoll.ts';
import type { PollContext, PollerDeps } from './onePoll.ts';
import { createPublisher, logPatience } from './publish.ts';
import type { PollReason, PollResult } from './reasons.ts';
import { Roll } from './roll.ts';
import { checkSchedule, paceOf, ticks } from './schedule.ts';

export type { PollerDeps } from './onePoll.ts';

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
  const context: PollContext = { ...deps, logger, report, signal, learned };
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
async function elected({ log, topic, participant, signal, report, logger }: PollContext): Promise<Seat> {
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
function polls(context: PollContext, producer: Producer): Observable<void> {
  const { clock, signal, pollWhenElected: immediate } = context;
  const publisher = createPublisher(context, producer);
  // A new one each term: what another poller saw meanwhile, this one does not know.
  const roll = new Roll(context.retireAfterLists ?? 0);
  const pace = paceOf(context.schedule, clock.now());
  const attention = pace instanceof Attention ? pace : null;
  const recalled = defer(async () => attention && recallRecent(context, attention)).pipe(ignoreElements());
  const onDue = (due: DueAsk): void => context.report('onDue', { participant: context.participant, ...due });
  const polled = ticks(pace, { clock, signal, immediate, onDue }).pipe(
    exhaustMap(async ({ policy, reason }) => {
      const { participant, clock, report } = context;
      const poll = startPoll(participant, clock.now(), policy);
      await tracedPoll(poll, reason, async () => {
        const result = await pollOnce(context, poll, { publisher, roll, attention, reason });
        const endedAt = clock.now();
        report('onEnded', { participant, pollId: poll.pollId, policy, reason, result, endedAt });
        return result;
      });
    }),
  );
  return concat(recalled, polled);
}

/** Each poll begins a trace. */
async function tracedPoll(poll: Poll, reason: PollReason, work: () => Promise<PollResult>): Promise<void> {
  const { participant, pollId, policy } = poll;
  const attributes = {
    ...{ 'balde.participant': participant, 'balde.poll.id': pollId, 'balde.poll.reason': reason },
    ...(policy === null ? {} : { 'balde.policy': policy }),
  };
  await traced('poll', { parent: NO_PARENT, attributes }, async (span) => {
    const result = await work();
    span.setAttribute('balde.poll.result', result);
    if (result !== 'ok') failed(span, result);
  });
}

/** Another poller took over: this one stands by again. */
function endOfTerm({ report, participant }: PollContext, error: unknown): Observable<never> {
  if (!(error instanceof ProducerFencedError || error instanceof ProducerBusyError)) throw error;
  report('onFenced', { participant });
  return EMPTY;
}
