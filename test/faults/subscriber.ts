/** An independent subscriber of the alert topic, as Core-Dict is one: through the whole run, or once at its end. */
import { expect } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import type { EventLog, LogMessage } from '../../src/log/eventLog.ts';
import { oracle } from '../oracle/oracle.ts';
import { decodable, readTopicOnce } from '../oracle/readLog.ts';
import { eventually, LONG_MS } from '../support/eventually.ts';

const TOPIC = RATE_LIMIT_ALERTS.name;

interface SeenEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly timestamp: string;
  readonly alert_id: string;
}

export interface Subscriber {
  readonly seen: readonly LogMessage[];
  /** Waits until everything that is on the topic was seen, and stops. */
  finish(): Promise<void>;
}

/** Reads from the oldest message on, and goes on whatever happens to the broker. */
export async function subscribe(log: EventLog): Promise<Subscriber> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const seen: LogMessage[] = [];
  const consumer = await log.consumer(TOPIC, { subscription: null });
  const reading = (async () => {
    while (!signal.aborted) {
      const received = await consumer.receive({ max: 1_000, waitMs: 1_000, signal }).catch((error: unknown) => {
        if (!(error instanceof LogUnavailableError || signal.aborted)) throw error;
        return [];
      });
      seen.push(...received);
    }
  })();
  // Told by `finish`, which waits for it.
  reading.catch(() => undefined);
  return {
    seen,
    finish: async () => {
      const isThere = async (): Promise<boolean> => {
        const last = lastPositions(seen);
        return (await log.ends(TOPIC)).every(({ partition, last: end }) => (last.get(partition) ?? null) === end);
      };
      await eventually('the subscriber has seen everything', isThere, LONG_MS);
      stopping.abort();
      await reading;
      await consumer.close();
    },
  };
}

/** The subscriber and one that reads at the end saw the same, each event once, alerts raised and resolved in turn. */
export async function expectSoundAlerts(log: EventLog, subscriber: Subscriber): Promise<void> {
  await subscriber.finish();
  const afterwards = await readTopicOnce(log, TOPIC);
  for (const messages of [afterwards, subscriber.seen]) {
    const ids = messages.map((message) => eventOf(message).event_id);
    expect(
      ids.filter((id, i) => ids.indexOf(id) !== i),
      'events that are on the topic twice',
    ).toEqual([]);
    expect(openedTwice(messages), 'alerts raised while another was open').toEqual([]);
  }
  expect(byPartition(subscriber.seen)).toEqual(byPartition(afterwards));
}

/** What was seen, a line per message; then what the observations make and was not seen. */
export async function evidence(log: EventLog, { seen }: Subscriber): Promise<string[]> {
  const messages = await readTopicOnce(log, POLICY_STATES.name);
  const expected = Object.entries(oracle(decodable(messages, POLICY_STATES.decode)).topic).flatMap(([key, events]) =>
    events.map((event) => ({ key, event: event as unknown as SeenEvent })),
  );
  const wanted = new Set(expected.map(({ event }) => event.event_id));
  const found = new Set(seen.map((message) => eventOf(message).event_id));
  return [
    ...seen.map((message) => {
      const event = eventOf(message);
      const kind = wanted.has(event.event_id) ? 'SEEN' : 'INVENTED';
      return `${kind} ${message.partition} ${message.position} ${describe(message.key, event)}`;
    }),
    ...expected
      .filter(({ event }) => !found.has(event.event_id))
      .map(({ key, event }) => `MISSING ${describe(key, event)}`),
  ];
}

const describe = (key: string, event: SeenEvent): string =>
  `${key} ${event.timestamp} ${event.event_type} alert ${event.alert_id} event ${event.event_id}`;

const eventOf = ({ payload }: LogMessage): SeenEvent => JSON.parse(payload.toString('utf8')) as SeenEvent;

/** Alerts that were raised before the bucket's open one was resolved, or resolved without being the open one. */
function openedTwice(messages: readonly LogMessage[]): SeenEvent[] {
  const open = new Map<string, string>();
  return messages
    .map((message) => ({ key: message.key, event: eventOf(message) }))
    .filter(({ key, event }) => {
      const now = open.get(key);
      if (event.event_type === 'AlertRaised') {
        open.set(key, event.alert_id);
        return now !== undefined;
      }
      if (event.event_type !== 'AlertResolved') return false;
      open.delete(key);
      return now !== event.alert_id;
    })
    .map(({ event }) => event);
}

function lastPositions(messages: readonly LogMessage[]): Map<number, string> {
  return new Map(messages.map(({ partition, position }) => [partition, position]));
}

function byPartition(messages: readonly LogMessage[]): Record<number, string[]> {
  const positions: Record<number, string[]> = {};
  for (const { partition, position } of messages) (positions[partition] ??= []).push(position);
  return positions;
}
