/**
 * Milliseconds from the Bridge's answer to the alert in an independent subscriber's hands, on an idle system, beside
 * one plain publish → receive on the same broker in the same run: `npm run bench:alert-latency -- [--alerts N]`.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { systemClock } from '../src/clock.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../src/codec/topics.ts';
import type { ConsumeObserver } from '../src/consume/observer.ts';
import { OutboxBell } from '../src/consume/outboxBell.ts';
import { relay } from '../src/consume/relay.ts';
import type { PoliciesAnswer } from '../src/domain/validation.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import { createClient } from '../src/log/pulsar/native.ts';
import type { NativeConsumer } from '../src/log/pulsar/native.ts';
import { topicUrl } from '../src/log/pulsar/settings.ts';
import type { PulsarSettings } from '../src/log/pulsar/settings.ts';
import { FOLD_RUNNERS } from '../src/app/foldRoles.ts';
import { silentObserver } from '../src/consume/observer.ts';
import { runPoller } from '../src/poll/poller.ts';
import { median, onServer, option, PARTICIPANT } from './common.ts';
import { installOnPulsar, onBroker } from './pulsar.ts';
import type { OnPulsar } from './pulsar.ts';

const alerts = option('alerts', 300);
const WARM_UP = 30;
const POLICIES = 29;
const LIMIT = 3;
/** Set in the environment of the subscriber's process. */
const SUBSCRIBER = 'BENCH_SUBSCRIBER';

const PARTITIONS = 4;
const PLAIN = 'bench-plain';

/** Milliseconds on a clock that all processes of the machine share. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What a subscriber has received, by topic: one at a time. */
class Mailbox {
  readonly #waiting = new Map<string, (at: number) => void>();

  /** When the next message of the topic was received. */
  async next(topic: string): Promise<number> {
    return await new Promise((resolve) => this.#waiting.set(topic, resolve));
  }

  put({ topic, at }: Received): void {
    this.#waiting.get(topic)?.(at);
    this.#waiting.delete(topic);
  }
}

interface Received {
  readonly topic: string;
  readonly at: number;
}

/**
 * A subscriber as another team has one: a process and a client of its own, Failover on all partitions of each topic.
 */
async function subscribe(settings: PulsarSettings, topics: readonly string[]): Promise<void> {
  const client = createClient(settings, () => undefined);
  const consumers: NativeConsumer[] = [];
  // What nobody refers to is collected, and receives no more.
  const close = async () => {
    await Promise.all(consumers.map(async (one) => one.close()));
    await client.close();
    process.exit();
  };
  process.once('disconnect', () => void close());
  for (const topic of topics) {
    const consumer = await client.subscribe({
      topic: topicUrl(settings, topic),
      subscription: 'core-dict',
      subscriptionType: 'Failover',
      listener: (message, self) => {
        process.send?.({ topic, at: now() } satisfies Received);
        void self.acknowledge(message);
      },
    });
    consumers.push(consumer);
  }
  process.send?.({ topic: '', at: now() } satisfies Received);
}

async function startSubscriber(settings: PulsarSettings, mailbox: Mailbox): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(settings)], {
    env: { ...process.env, [SUBSCRIBER]: '1' },
  });
  const ready = once(child, 'message');
  child.on('message', (received) => mailbox.put(received as Received));
  await ready;
  return child;
}

/** Plain publish → receive: one message at a time, unbatched, on a topic and to a subscriber like the alerts'. */
async function plain(settings: PulsarSettings, mailbox: Mailbox) {
  const client = createClient(settings, () => undefined);
  const producer = await client.createProducer({
    topic: topicUrl(settings, PLAIN),
    batchingEnabled: false,
    messageRoutingMode: 'RoundRobinDistribution',
  });
  const data = Buffer.alloc(900, 'x');
  return {
    close: async () => await client.close(),
    /** Milliseconds. */
    once: async (): Promise<number> => {
      const start = now();
      void producer.send({ data, partitionKey: String(start) });
      return (await mailbox.next(PLAIN)) - start;
    },
  };
}

/** A Bridge that answers when it is told to, one bucket going up and down through a threshold. */
function toggledBridge() {
  let polls = 0;
  let answeredAt = 0;
  const answer = (): PoliciesAnswer => {
    polls += 1;
    answeredAt = now();
    return {
      responseTime: Date.now(),
      category: 'G',
      policies: Array.from({ length: POLICIES }, (_, i) => ({
        name: `POLICY_${i}`,
        availableTokens: i === 7 && polls % 2 === 1 ? 50 : 700,
        capacity: 1_000,
        refillTokens: 10,
        refillPeriodSec: 60,
      })),
    };
  };
  return {
    answeredAt: () => answeredAt,
    listPolicies: async () => await Promise.resolve(answer()),
    readPolicy: async () => await Promise.reject(new Error('no schedule of this benchmark reads')),
  };
}

/** Milliseconds from the answer to each stage of the poll that is under way; medians are printed. */
class Stages {
  readonly #times = new Map<string, number[]>();
  readonly #seen = new Set<string>();
  #answeredAt: () => number = () => 0;

  begin(answeredAt: () => number): void {
    this.#answeredAt = answeredAt;
    this.#seen.clear();
  }

  reached(stage: string): void {
    if (this.#seen.has(stage)) return;
    this.#seen.add(stage);
    const times = this.#times.get(stage) ?? [];
    this.#times.set(stage, [...times, now() - this.#answeredAt()]);
  }

  get lines(): string[] {
    return [...this.#times].map(([stage, times]) => `  ${stage.padEnd(32)} p50 ${median(times).toFixed(1)} ms`);
  }
}

/** The roles of a process that runs everything, polling each time `tick` resolves. */
async function runRoles(
  { database, log }: OnPulsar,
  { bridge, stages }: { readonly bridge: ReturnType<typeof toggledBridge>; readonly stages: Stages },
  signal: AbortSignal,
): Promise<unknown> {
  const observer: ConsumeObserver = {
    ...silentObserver,
    committed: (fold) => stages.reached(`${fold} committed`),
    relayed: () => stages.reached('alert stored'),
  };
  const bell = new OutboxBell();
  const context = { database, log, rules: DEFAULT_RULES, observer, bell };
  return await Promise.all([
    ...Object.values(FOLD_RUNNERS).map(async (run) => await run(context, signal)),
    relay({ database, log, topic: RATE_LIMIT_ALERTS.name, observer, bell }, signal),
    runPoller(
      {
        ...{ participant: PARTICIPANT, topic: POLICY_STATES, bridge, log },
        ...{ clock: systemClock, logger: pino({ level: 'silent' }), pollWhenElected: false },
        schedule: { kind: 'every', ms: 200 },
        events: { onPublished: () => stages.reached('observations stored') },
      },
      signal,
    ),
  ]);
}

const percentile = (values: readonly number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))] ?? NaN;

async function measure(settings: PulsarSettings, installed: OnPulsar): Promise<void> {
  const stop = new AbortController();
  const bridge = toggledBridge();
  const mailbox = new Mailbox();
  const schema = { kind: 'bytes', definition: '' } as const;
  await installed.log.ensureTopic({ name: PLAIN, partitions: PARTITIONS, schema });
  const subscriber = await startSubscriber(settings, mailbox);
  const peer = await plain(settings, mailbox);
  const stages = new Stages();
  stages.begin(bridge.answeredAt);
  const running = runRoles(installed, { bridge, stages }, stop.signal);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let i = 0; i < alerts + WARM_UP; i += 1) {
    const at = await mailbox.next(RATE_LIMIT_ALERTS.name);
    const elapsed = at - bridge.answeredAt();
    await delay(60);
    stages.begin(bridge.answeredAt);
    const plainly = await peer.once();
    if (i >= WARM_UP) {
      ours.push(elapsed);
      theirs.push(plainly);
    }
  }
  stop.abort();
  await running;
  subscriber.disconnect();
  await peer.close();
  report(ours, theirs);
  for (const line of stages.lines) console.log(line);
}

function report(ours: readonly number[], theirs: readonly number[]): void {
  const row = (name: string, values: readonly number[]): string =>
    `${name.padEnd(34)} p50 ${median(values).toFixed(1)} ms   p99 ${percentile(values, 0.99).toFixed(1)} ms`;
  console.log(`${ours.length} alerts, one at a time, ${POLICIES} policies a poll`);
  console.log(row('Bridge answer → alert received', ours));
  console.log(row('plain publish → receive', theirs));
  const [p50, p99] = [median(ours) / median(theirs), percentile(ours, 0.99) / percentile(theirs, 0.99)];
  console.log(
    `ratio                              p50 ${p50.toFixed(2)}      p99 ${p99.toFixed(2)}      (limit ${LIMIT})`,
  );
}

if (process.env[SUBSCRIBER] !== undefined) {
  const settings = JSON.parse(process.argv[2] ?? '') as PulsarSettings;
  await subscribe(settings, [RATE_LIMIT_ALERTS.name, PLAIN]);
} else {
  await onServer(async (createDatabase) => {
    await onBroker(async (settings) => {
      const installed = await installOnPulsar(await createDatabase('latency'), settings);
      try {
        await measure(settings, installed);
      } finally {
        await installed.close();
      }
    });
  });
  process.exit();
}
