/** What the poller tells of its work: one table of events, logged and handed to whoever counts them. */
import type { Logger } from 'pino';
import type { EpochMs } from '../domain/events.ts';
import type { AnswerRejection, PolicyReading, PolicyRejection } from '../domain/validation.ts';
import type { BridgeStatus } from './bridgeError.ts';
import type { PollReason, PollResult } from './reasons.ts';

interface Of {
  /** ISPB. */
  readonly participant: string;
}

interface OfPoll extends Of {
  readonly pollId: string;
}

interface Asked {
  /** The only policy asked for; `null`: all of them. */
  readonly policy: string | null;
}

/** Durations are milliseconds of the poller's clock, never negative. */
export interface PollerEventMap {
  /** This process polls now; others stand by. */
  readonly onElected: Of & { readonly lastSequenceId: number };
  /** Another process polls: this one stands by. */
  readonly onStandby: Of;
  /** Another process took over; this one goes back to standing by. */
  readonly onFenced: Of;
  /** When the next poll is due, and why then: each time that it changes. */
  readonly onDue: Of & Asked & { readonly at: EpochMs; readonly reason: PollReason };
  /** One call to the Bridge ended; a poll makes up to five. */
  readonly onCall: OfPoll & Asked & { readonly status: BridgeStatus | 'OK' | 'ERROR'; readonly durationMs: number };
  /** A poll's answer passed the checks, with or without some of its policies. */
  readonly onPolled: OfPoll &
    Asked & {
      readonly responseTime: EpochMs;
      readonly category: string | null;
      readonly accepted: number;
      readonly rejected: number;
      /** Retries and their waits included. */
      readonly durationMs: number;
    };
  /**
   * A poll gave up. `status` is ERROR for what is no answer of the Bridge: a defect, or a log that refuses a message.
   */
  readonly onPollFailed: OfPoll &
    Asked & {
      readonly status: BridgeStatus | 'ERROR';
      readonly durationMs: number;
      readonly err: Error;
    };
  /** What is left of a policy that the participant's own calls of this interface spend from, as DICT just said. */
  readonly onBudget: OfPoll & { readonly policy: string; readonly tokens: number; readonly capacity: number };
  /** A poll is over, stored and all; not told of one that ends with its term. */
  readonly onEnded: OfPoll &
    Asked & { readonly reason: PollReason; readonly result: PollResult; readonly endedAt: EpochMs };
  readonly onRejectedPolicy: OfPoll & { readonly reason: PolicyRejection; readonly reading: PolicyReading };
  readonly onRejectedAnswer: OfPoll & {
    readonly reason: AnswerRejection;
    readonly detail: string;
    readonly responseTime: EpochMs | null;
    readonly category: string | null;
    readonly policies: number;
  };
  readonly onPublished: OfPoll & {
    readonly responseTime: EpochMs;
    /** Observations handed to the log. */
    readonly observations: number;
    readonly stored: number;
    readonly firstSequenceId: number;
    readonly durationMs: number;
  };
  /** Policies that DICT lists no longer: published as retired. */
  readonly onRetired: OfPoll & { readonly responseTime: EpochMs; readonly policies: readonly string[] };
  /** The log had some observations already: a repeated poll, or a send that broke off and was repeated. */
  readonly onDuplicate: OfPoll & { readonly responseTime: EpochMs; readonly duplicates: number };
  /** DICT's clock did not advance past what is stored: the observations got ids above it all the same. */
  readonly onSteppedBack: OfPoll & { readonly responseTime: EpochMs; readonly lastSequenceId: number };
  /** The log can't be reached; the poller holds on to what it has and tries again. */
  readonly onLogUnavailable: Of & { readonly failures: number; readonly waitMs: number; readonly err: Error };
  /** Stopped, or fenced, before the log took all of a poll: some of its observations may be missing from history. */
  readonly onAbandoned: OfPoll & { readonly responseTime: EpochMs; readonly observations: number };
}

/** Observers, all optional. Called synchronously; one that throws is logged and otherwise ignored. */
export type PollerEvents = {
  readonly [K in keyof PollerEventMap]?: (event: PollerEventMap[K]) => void;
};

/** How each event is logged. */
const LINES: Readonly<Record<keyof PollerEventMap, readonly ['debug' | 'info' | 'warn' | 'error', string]>> = {
  onElected: ['info', 'elected: polling'],
  onStandby: ['info', 'another poller of this participant is at work: standing by'],
  onFenced: ['warn', 'another poller took over: standing by'],
  onDue: ['debug', 'next poll'],
  onCall: ['debug', 'the Bridge answered'],
  onPolled: ['debug', 'polled'],
  onPollFailed: ['error', 'poll failed: the next tick tries again'],
  onBudget: ['debug', 'what is left for list calls'],
  onEnded: ['debug', 'poll ended'],
  onRejectedPolicy: ['warn', 'policy rejected: the others of the poll are kept'],
  onRejectedAnswer: ['error', 'answer of the Bridge rejected'],
  onPublished: ['info', 'observations published'],
  onRetired: ['warn', 'policies that DICT lists no longer are retired'],
  onDuplicate: ['info', 'observations were in the log already'],
  onSteppedBack: ['warn', "DICT's clock stepped back"],
  onLogUnavailable: ['warn', 'event log unavailable: trying again'],
  onAbandoned: ['warn', 'observations given up: the log never took them'],
};

export type Report = <K extends keyof PollerEventMap>(name: K, event: PollerEventMap[K]) => void;

/** A poll of whose answer nothing can be believed is no success. */
const NOTHING_POLLED = ['warn', 'polled, yet no policy of the answer can be believed'] as const;

/** What follows may be a wait of a minute: it must not be a silent one. */
const CALL_FAILED = ['warn', 'a call to the Bridge failed'] as const;

function lineOf<K extends keyof PollerEventMap>(name: K, event: PollerEventMap[K]) {
  if (name === 'onCall' && 'status' in event && event.status !== 'OK') return CALL_FAILED;
  return 'accepted' in event && event.accepted === 0 ? NOTHING_POLLED : LINES[name];
}

/** Tells the logger and the observers. */
export function createReport(logger: Logger, observers: PollerEvents): Report {
  return (name, event) => {
    const [level, text] = lineOf(name, event);
    const fields: object = event;
    logger[level](fields, text);
    try {
      observers[name]?.(event);
    } catch (err) {
      logger.error({ err, observer: name }, 'an observer of the poller failed');
    }
  };
}
