/** Spans of work that belongs to several polls. */
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { beforeEach, describe, expect, test } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { startPoll } from '../../src/poll/bridgePoll.ts';
import { createPublisher } from '../../src/poll/publish.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { failed, joined, NO_PARENT, traced } from '../../src/tracing.ts';
import { baldeDatabase } from '../support/database.ts';
import { settle } from '../support/deadLetters.ts';
import { observed } from '../support/observations.ts';
import { forgetSpans, spansOf } from '../support/spans.ts';
import { never, policyStates, readAll } from '../support/topics.ts';

beforeEach(forgetSpans);

const idOf = (span: ReadableSpan | undefined): string => span?.spanContext().spanId ?? '';
const traceOf = (span: ReadableSpan | undefined): string => span?.spanContext().traceId ?? '';
const links = (span: ReadableSpan): string[] => span.links.map(({ context }) => context.spanId).sort();
const of = (spans: readonly ReadableSpan[], subscription: string): ReadableSpan[] =>
  spans.filter(({ attributes }) => attributes['messaging.destination.subscription.name'] === subscription);

/** One poll for each number of tokens, five minutes apart, each in a trace of its own. */
async function publishPolls(log: EventLog, levels: readonly number[]): Promise<void> {
  const producer = await log.producer(POLICY_STATES.name, { name: 'p', access: 'exclusive', signal: never });
  const clock = { now: () => Date.now(), sleep: async () => Promise.resolve() };
  const publisher = createPublisher({ topic: POLICY_STATES, log, clock, report: () => undefined }, producer);
  for (const [n, tokens] of levels.entries()) {
    const [first, second] = [observed('A', n * 5, tokens), observed('B', n * 5, 90)];
    await traced('poll', { parent: NO_PARENT }, async () => {
      await publisher.publish(startPoll(first.participant, first.responseTime), [first, second], never);
    });
  }
  await producer.close();
}

describe('a batch of several polls [TRACE-2]', () => {
  test('has a trace of its own with a link to each; what it decides goes on in the trace of its poll', async () => {
    const { database, log } = await baldeDatabase();
    await publishPolls(log, [90, 15, 80]);
    await settle(database, log);
    const sends = spansOf('send policy-states');
    expect(new Set(sends.map(traceOf)).size).toBe(3);

    const batches = of(spansOf('process policy-states'), 'alerting-v1');
    expect(batches.map((span) => [span.parentSpanContext, links(span)])).toEqual([[undefined, sends.map(idOf).sort()]]);
    const [batch] = batches;
    const created = spansOf(`create ${RATE_LIMIT_ALERTS.name}`);
    // The second poll raises the alert, the third ends it.
    expect(created.map((span) => [traceOf(span), span.parentSpanContext?.spanId, links(span)])).toEqual(
      [sends[1], sends[2]].map((send) => [traceOf(send), idOf(send), [idOf(batch)]]),
    );
    const alerts = await readAll(log, RATE_LIMIT_ALERTS.name);
    expect(alerts.map(({ properties }) => properties['traceparent'])).toEqual(
      created.map((span) => `00-${traceOf(span)}-${idOf(span)}-01`),
    );
    const [relayed] = spansOf(`send ${RATE_LIMIT_ALERTS.name}`);
    expect(relayed === undefined ? [] : links(relayed)).toEqual(created.map(idOf).sort());
  });
});

test('a batch that joins very many polls links to the last 128 [TRACE-2]', () => {
  const id = (n: number): string => (n + 1).toString(16).padStart(16, '0');
  const messages = Array.from({ length: 300 }, (_, n) => ({
    properties: { traceparent: `00-${'a'.repeat(16)}${id(n)}-${id(n)}-01` },
  }));
  const { links: found } = joined(messages);
  expect(found.map(({ context }) => context.spanId)).toEqual(Array.from({ length: 128 }, (_, i) => id(172 + i)));
});

describe('the observations of one poll', () => {
  test('carry the same trace, that of their send, however often it is tried', async () => {
    const { log } = await baldeDatabase();
    await publishPolls(log, [90]);
    const [send] = spansOf('send policy-states');
    const found = (await policyStates(log)).map(({ properties }) => properties);
    expect(found).toHaveLength(2);
    for (const properties of found)
      expect(properties).toEqual({
        ...{ event_type: 'PolicyStateObserved', schema_version: '1' },
        traceparent: `00-${traceOf(send)}-${idOf(send)}-01`,
      });
  });
});

describe('work that fails', () => {
  test.each([
    ['an error with a code', Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED', 'no'],
    ['an error', new TypeError('no'), 'TypeError', 'no'],
  ])('marks its span: %s', async (_what, error, type, message) => {
    const work = traced('work', {}, async () => {
      await Promise.resolve();
      throw error;
    });
    await expect(work).rejects.toBe(error);
    expect(spansOf('work').map(({ status, attributes }) => [status, attributes])).toEqual([
      [{ code: 2, message }, { 'error.type': type }],
    ]);
  });

  test('may tell so without an error', async () => {
    await traced('work', {}, async (span) => {
      failed(span, 'rejected');
      await Promise.resolve();
    });
    expect(spansOf('work')[0]).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'rejected' } });
  });
});
