/** An alert topic with events on it, and the example programs that follow it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { decideCallAlerts } from '../../src/domain/callAlerts.ts';
import type { KnownOfCalls } from '../../src/domain/callAlerts.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import type { Producer } from '../../src/log/eventLog.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { MINUTE, NOON, observation, PARTICIPANT } from '../support/observations.ts';
import { alertEvents } from '../projections/drive.ts';
import { eventually } from '../support/eventually.ts';
import type { PulsarUrls } from '../support/pulsar.ts';

export const EXAMPLE = join(packageRoot, 'examples', 'core-dict');

/** What the reactor decides of a bucket that empties, changes its category and recovers: all three kinds of event. */
export function decided(policy: string, at = NOON): readonly AlertEvent[] {
  const step = (n: number, availableTokens: number, category: string) =>
    observation({ policy, capacity: 300, availableTokens, category, responseTime: at + n * MINUTE });
  return alertEvents([step(0, 200, 'G'), step(1, 40, 'G'), step(2, 40, 'F'), step(3, 250, 'F')]);
}

/** An alert about calls that is raised, and ends as queries find something again. */
export function callAlerts(policy: string): readonly AlertEvent[] {
  const { raised } = decideCallAlerts(callsOf(policy, 100));
  const [alert] = raised;
  if (alert === undefined) throw new Error('no alert was raised');
  const { alertId, participant, callKind: kind, callLevel: level, timestamp: raisedAt } = alert;
  const known = callsOf(policy, 0);
  const seen = [...known.buckets.values()][0] ?? alert;
  const open = [{ alertId, participant, policy, kind, level, raisedAt, quietSince: null, seen }];
  return [alert, ...decideCallAlerts({ ...known, open, now: NOON + MINUTE }).resolved];
}

/** Of a thousand queries so many found nothing, where seven in a hundred are too many. */
function callsOf(policy: string, notFound: number): KnownOfCalls {
  const span = { measuredFrom: NOON - 1_440 * MINUTE, measuredUntil: NOON, isPartial: false };
  const measured = { callValue: notFound / 10, queries: 1_000, notFound, paymentOrders: null, ...span };
  const seen = {
    ...{ availableTokens: 250, capacity: 300, utilizationPercent: 16.5, category: 'G' },
    ...{ consumptionRatePerMinute: null, recoveryEtaSeconds: 30, exhaustionProjectionSeconds: null },
  };
  return {
    ...{ now: NOON, open: [], complete: [], buckets: new Map([[`${PARTICIPANT}:${policy}`, seen]]) },
    levels: { NOT_FOUND_RATE: 7, QUERIES_PER_PAYMENT_ORDER: null, UNEXPLAINED: null },
    readings: [{ participant: PARTICIPANT, policy, kind: 'NOT_FOUND_RATE', measured }],
  };
}

/** As it travels. */
export const wireOf = (event: AlertEvent): Record<string, unknown> =>
  JSON.parse(encodeAlertEvent(event).payload.toString()) as Record<string, unknown>;

/** An alert topic in a namespace of its own, and a producer that is not the relay. */
export class AlertTopic {
  readonly settings: PulsarSettings;
  readonly log: PulsarLog;
  readonly url: string;
  #producer: Producer | null = null;
  #sequenceId = -1;

  constructor({ url, adminUrl }: PulsarUrls) {
    const namespace = `example-${randomUUID()}`;
    this.settings = {
      serviceUrl: url,
      adminUrl,
      tenant: 'balde-test',
      namespace,
      listener: null,
      token: null,
      tls: {},
    };
    this.log = new PulsarLog(this.settings);
    this.url = `persistent://balde-test/${namespace}/${RATE_LIMIT_ALERTS.name}`;
  }

  async open(): Promise<void> {
    await this.log.ensureTopic(RATE_LIMIT_ALERTS);
    const { signal } = new AbortController();
    const options = { name: 'test', access: 'exclusive', signal } as const;
    this.#producer = await this.log.producer(RATE_LIMIT_ALERTS.name, options);
  }

  async publish(events: readonly AlertEvent[]): Promise<void> {
    const messages = events.map((event) => ({
      ...RATE_LIMIT_ALERTS.encode(event),
      sequenceId: (this.#sequenceId += 1),
    }));
    await this.#producer?.send(messages);
  }

  /** What another version of Balde might publish. */
  async publishWire(wire: Readonly<Record<string, unknown>>): Promise<void> {
    const [event_id, event_type] = [String(wire['event_id']), String(wire['event_type'])];
    const message = {
      key: `${String(wire['participant'])}:${String(wire['endpoint_id'])}`,
      payload: Buffer.from(JSON.stringify(wire), 'utf8'),
      properties: { event_id, event_type },
      eventTime: Date.parse(String(wire['timestamp'])),
      sequenceId: (this.#sequenceId += 1),
    };
    await this.#producer?.send([message]);
  }

  /** @returns whether the broker took them all; it may have taken some */
  async publishes(events: readonly AlertEvent[]): Promise<boolean> {
    try {
      await this.publish(events);
      return true;
    } catch (error) {
      if (error instanceof LogUnavailableError) return false;
      throw error;
    }
  }

  async admin(method: string, path: string, body?: unknown): Promise<Response> {
    return await fetch(`${this.settings.adminUrl}/admin/v2/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Every connection to its topics is cut; the broker serves them again a moment later. */
  async unload(): Promise<void> {
    const { tenant, namespace } = this.settings;
    const { status } = await this.admin('PUT', `namespaces/${tenant}/${namespace}/unload`);
    if (status >= 300) throw new Error(`unloading: ${status}`);
  }
}

/** The start of a command line. */
export type Program = readonly [command: string, ...args: string[]];

/** One of the example programs, running. */
export class Follower {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #errors = '';

  constructor([command, ...args]: Program, more: readonly string[]) {
    const child = spawn(command, [...args, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
    createInterface(child.stdout).on('line', (line) => this.lines.push(line));
    child.stderr.on('data', (text: Buffer) => (this.#errors += text.toString()));
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    this.#child = child;
  }

  /** What it wrote to standard error. */
  get errors(): string {
    return this.#errors;
  }

  async until(n: number): Promise<void> {
    await eventually(`${n} lines, not ${this.lines.length}. ${this.#errors}`, async () => {
      await Promise.resolve();
      return this.lines.length >= n;
    });
  }

  /** @returns its exit code */
  async ended(): Promise<number | null> {
    return await this.#ended;
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return await this.#ended;
  }
}
