/** One poll of a real Bridge by the built program, until the alert it raises is read; and the spans of that. */
import { expect } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { EventLog, LogMessage } from '../../src/log/eventLog.ts';
import type { Database } from '../../src/store/database.ts';
import { startFakeBridge } from '../poll/fakeBridge.ts';
import type { FakeBridge } from '../poll/fakeBridge.ts';
import { answerAt } from '../support/answers.ts';
import { eventually } from '../support/eventually.ts';
import { PARTICIPANT } from '../support/observations.ts';
import type { OtlpReceiver, ReceivedSpan } from '../support/otlp.ts';
import { run } from '../support/running.ts';
import type { Running } from '../support/running.ts';
import { readAll } from '../support/topics.ts';

export interface Told {
  readonly spans: readonly ReceivedSpan[];
  readonly bridge: FakeBridge;
  /** The alert, as a subscriber gets it. */
  readonly alert: LogMessage;
  /** Lines of the log. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: string;
  readonly code: number | null;
}

export interface World {
  readonly environment: Readonly<Record<string, string>>;
  readonly database: Database;
  readonly log: EventLog;
}

const ROLES = 'poller,states,alerting,alerts,relay';

/** Of one poll, made when elected: the next one is due on New Year's Day. */
const ONE_POLL = { PARTICIPANT, POLL_CRON: '0 0 1 1 *', LOG_LEVEL: 'debug' };

/** Sends to the receiver, when it ends and not before. */
export const tracingTo = (url: string): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '600000',
});

/** A bucket in debt raises an alert; it is read from its topic, and the table of alerts has it. */
export async function tell(
  { environment, database, log }: World,
  receiver: OtlpReceiver | null,
  more: Readonly<Record<string, string>> = receiver === null ? {} : tracingTo(receiver.url),
): Promise<Told> {
  const bridge = await startFakeBridge(() => answerAt(Date.now()));
  const program = run(['start', '--roles', ROLES], {
    ...{ ...environment, ...ONE_POLL, ...more, BRIDGE_ADDRESS: bridge.address },
  });
  try {
    const alert = await whenTold({ database, log }, program);
    const code = await program.stop();
    const stderr = program.stderr();
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
    return {
      ...{ spans: receiver?.spans ?? [], bridge, alert, stderr, code },
      lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    };
  } finally {
    bridge.close();
  }
}

async function whenTold({ database, log }: Omit<World, 'environment'>, program: Running): Promise<LogMessage> {
  await program.says(/polled 12345678/, 60_000);
  await eventually('tables have the alert, and the poll', async () => {
    const [row] = await database.query<{ n: number }>(
      `select (select count(*) from alerts_v1.alerts) * (select count(*) from states_v1.history) as n`,
    );
    return row?.n === 2;
  });
  const [alert, ...others] = await readAll(log, RATE_LIMIT_ALERTS.name);
  expect(others).toEqual([]);
  if (alert === undefined) throw new Error('the topic has no alert');
  return alert;
}

/** The only span of the name, of a subscription where several have it. */
function spanOf(spans: readonly ReceivedSpan[], name: string, subscription?: string): ReceivedSpan {
  const found = spans.filter(
    (span) =>
      span.name === name &&
      (subscription === undefined || span.attributes['messaging.destination.subscription.name'] === subscription),
  );
  const [span] = found;
  if (span === undefined || found.length > 1)
    throw new Error(`${found.length} spans ${name}, of ${spans.map((one) => one.name).join(', ')}`);
  return span;
}

const traceparentOf = ({ traceId, spanId }: ReceivedSpan): string => `00-${traceId}-${spanId}-01`;

const RPC = 'bacen.dict.v2.RateLimitService/GetRateLimitPolicies';

/** One trace, from the Bridge's answer to the message that subscribers get. */
export function expectOneTrace({ spans, bridge, alert, lines, code }: Told, system: 'postgresql' | 'pulsar'): void {
  expect(code).toBe(0);
  const of = (name: string, subscription?: string): ReceivedSpan => spanOf(spans, name, subscription);
  const poll = of('poll');
  const [call, send] = [of(RPC), of('send policy-states')];
  const [states, alerting] = [of('process policy-states', 'states-v1'), of('process policy-states', 'alerting-v1')];
  const [create, relayed] = [of('create rate-limit-alerts'), of('send rate-limit-alerts')];
  const alerts = of('process rate-limit-alerts', 'alerts-v1');

  const inOrder: readonly (readonly [ReceivedSpan, ReceivedSpan | null, ReceivedSpan['kind']])[] = [
    [poll, null, 'INTERNAL'],
    [call, poll, 'CLIENT'],
    [send, poll, 'PRODUCER'],
    [states, send, 'CONSUMER'],
    [of('commit states_v1'), states, 'CLIENT'],
    [alerting, send, 'CONSUMER'],
    [create, alerting, 'PRODUCER'],
    [of('commit alerting_v1'), alerting, 'CLIENT'],
    [relayed, create, 'CLIENT'],
    [alerts, create, 'CONSUMER'],
    [of('commit alerts_v1'), alerts, 'CLIENT'],
  ];
  expect(spans.map(({ name }) => name).sort()).toEqual(inOrder.map(([{ name }]) => name).sort());
  for (const [span, parent, kind] of inOrder)
    expect([span.name, span.traceId, span.parentSpanId, span.kind, span.links, span.error]).toEqual([
      ...[span.name, poll.traceId, parent?.spanId ?? null, kind, [], null],
    ]);

  expect(bridge.calls.map((metadata) => metadata.get('traceparent'))).toEqual([[traceparentOf(call)]]);
  expect(alert.properties).toMatchObject({ traceparent: traceparentOf(create), event_type: 'AlertRaised' });
  expect(call.attributes).toMatchObject({
    ...{ 'rpc.system.name': 'grpc', 'rpc.method': RPC, 'rpc.response.status_code': 'OK' },
    ...{ 'server.address': '127.0.0.1', 'server.port': Number(bridge.address.split(':')[1]) },
  });
  expect(send.attributes).toEqual({
    ...{ 'messaging.system': system, 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' },
    ...{ 'messaging.destination.name': 'policy-states', 'messaging.batch.message_count': 2 },
  });
  expect(create.attributes).toMatchObject({
    ...{ 'messaging.system': system, 'messaging.message.id': alert.properties['event_id'] },
    'balde.event.type': 'AlertRaised',
  });
  expect(poll.attributes).toMatchObject({ 'balde.participant': '12345678', 'balde.poll.result': 'ok' });
  expect(poll.resource).toMatchObject({ 'service.name': 'balde', 'telemetry.sdk.language': 'nodejs' });

  const polled = lines.find(({ msg }) => msg === 'polled');
  expect(polled).toMatchObject({ trace_id: poll.traceId, span_id: poll.spanId });
  const committed = lines.find(({ msg, fold }) => msg === 'batch committed' && fold === 'alerting');
  expect(committed).toMatchObject({ trace_id: poll.traceId, span_id: alerting.spanId });
}
