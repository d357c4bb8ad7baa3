/** One poller on a manual clock, with a Bridge and a log that do what the test says. */
import { pino } from 'pino';
import type { EpochMs, PolicyStateEvent } from '../../src/domain/events.ts';
import type { PoliciesAnswer } from '../../src/domain/validation.ts';
import type { BridgeCall } from '../../src/poll/bridgeClient.ts';
import type { PollerEventMap, PollerEvents } from '../../src/poll/events.ts';
import { runPoller } from '../../src/poll/poller.ts';
import type { PollerDeps } from '../../src/poll/poller.ts';
import { createFakeLog } from './fakeLog.ts';
import type { FakeLog } from './fakeLog.ts';
import { answerAt } from '../support/answers.ts';
import { noReads } from '../support/bridges.ts';
import { manualClock, settle } from './manualClock.ts';
import type { ManualClock } from './manualClock.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { Topic } from '../../src/codec/topics.ts';

export const START = Date.UTC(2026, 8, 20, 12, 0, 0);
export const MINUTE = 60_000;

/** `attempt` counts all calls from 1; `now` is the poller's clock. */
type Ask = (call: BridgeCall, attempt: number, now: EpochMs) => Promise<PoliciesAnswer>;

interface Seen {
  readonly name: keyof PollerEventMap;
  readonly event: PollerEventMap[keyof PollerEventMap];
  readonly at: number;
}

export interface Harness {
  readonly clock: ManualClock;
  readonly log: FakeLog;
  readonly calls: (BridgeCall & { readonly at: number })[];
  readonly seen: Seen[];
  /** Lines of the logger, parsed. */
  readonly lines: Record<string, unknown>[];
  /** Events of one kind. */
  all<K extends keyof PollerEventMap>(name: K): PollerEventMap[K][];
  /** Policies in the log, in the order they were stored. */
  stored(): string[];
  /** Aborts and waits for the poller to end. */
  stop(): Promise<void>;
  readonly running: Promise<void>;
}

/** Observations as JSON, for tests to read. */
const TOPIC: Topic<PolicyStateEvent> = {
  ...POLICY_STATES,
  encode: (observation) => ({
    ...POLICY_STATES.encode(observation),
    payload: Buffer.from(JSON.stringify(observation)),
  }),
};

export const never = async (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

const OBSERVED: readonly (keyof PollerEventMap)[] = [
  'onElected',
  'onStandby',
  'onFenced',
  'onCall',
  'onPolled',
  'onBudget',
  'onEnded',
  'onPollFailed',
  'onRejectedPolicy',
  'onRejectedAnswer',
  'onPublished',
  'onDuplicate',
  'onSteppedBack',
  'onLogUnavailable',
  'onAbandoned',
];

export interface HarnessOptions {
  /** Default: an answer at the clock's time. */
  readonly ask?: Ask;
  readonly log?: FakeLog;
  readonly clock?: ManualClock;
  readonly deps?: Partial<PollerDeps>;
}

export async function start(options: HarnessOptions = {}): Promise<Harness> {
  const clock = options.clock ?? manualClock(START);
  const log = options.log ?? createFakeLog();
  const ask: Ask = options.ask ?? (async (_call, _attempt, now) => Promise.resolve(answerAt(now)));
  const calls: Harness['calls'] = [];
  const seen: Seen[] = [];
  const lines: Harness['lines'] = [];
  const events: PollerEvents = Object.fromEntries(
    OBSERVED.map((name) => [name, (event: Seen['event']) => seen.push({ name, event, at: clock.now() })]),
  );
  const abort = new AbortController();
  const deps: PollerDeps = {
    participant: '12345678',
    topic: TOPIC,
    schedule: { kind: 'cron', expression: '*/5 * * * *' },
    pollWhenElected: false,
    bridge: {
      ...noReads,
      listPolicies: async (call) => {
        calls.push({ ...call, at: clock.now() });
        return ask(call, calls.length, clock.now());
      },
    },
    log,
    clock,
    logger: pino(
      { level: 'debug' },
      { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    ),
    events,
    ...options.deps,
  };
  const running = runPoller(deps, abort.signal);
  running.catch(() => undefined);
  await settle();
  return {
    clock,
    log,
    calls,
    seen,
    lines,
    running,
    all: <K extends keyof PollerEventMap>(name: K) =>
      seen.filter((one) => one.name === name).map((one) => one.event as PollerEventMap[K]),
    stored: () => log.partitions.stored.map((message) => message.key.split(':')[1] ?? ''),
    stop: async () => {
      abort.abort(new Error('stopping'));
      await running;
    },
  };
}
