/** Words of the cases about alerts about calls: calls that are reported, who judges, and what comes to the topic. */
import pino from 'pino';
import { expect } from 'vitest';
import { CallJudge } from '../../src/app/callAlerts.ts';
import type { CallAlertsOptions } from '../../src/app/callAlerts.ts';
import { openOutcomesPublisher } from '../../src/calls/publish.ts';
import { decodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { relay } from '../../src/consume/relay.ts';
import type { CallAlertLevels } from '../../src/domain/callAlerts.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { eventually } from '../support/eventually.ts';
import { MINUTE, NOON, observation } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { recorder } from '../support/processors.ts';
import { live } from '../support/rebuilds.ts';
import { never, publish, readAll } from '../support/topics.ts';

const POLICY = 'ENTRIES_READ_PARTICIPANT_ANTISCAN';
export const OFF: CallAlertLevels = { NOT_FOUND_RATE: null, QUERIES_PER_PAYMENT_ORDER: null, UNEXPLAINED: null };
export const ABOVE_7: CallAlertLevels = { ...OFF, NOT_FOUND_RATE: 7 };

interface Row {
  readonly kind: string;
  readonly value: number;
  readonly last_value: number;
  readonly resolved: boolean;
  readonly reason: string | null;
}

interface Judged {
  readonly database: Database;
  readonly log: EventLog;
}

/** A database with a bucket that is observed, whose calls are reported minute by minute, and who judges them. */
export async function called({ database, log }: Judged) {
  await publish(log, [observation({ policy: POLICY })]);
  await live(database, log, 'states');
  let now = NOON + 2 * MINUTE;
  const judge = (more: Partial<CallAlertsOptions> = {}): CallJudge =>
    new CallJudge({
      ...{ database, watched: database, levels: ABOVE_7, logger: pino({ level: 'silent' }), leastMs: 0 },
      clock: { now: () => now, sleep: async () => await Promise.resolve() },
      ...more,
    });
  return {
    database,
    log,
    judge,
    round: async (levels = ABOVE_7) => await judge({ levels }).round(never),
    pass: (minutes: number): void => void (now += minutes * MINUTE),
    report: async (...windows: readonly Partial<RequestOutcomesObserved>[]): Promise<void> => {
      const publisher = await openOutcomesPublisher(log, () => now, never);
      await publisher.publish(windows.map((window) => outcomes({ policy: POLICY, ...window })));
      await publisher.close();
      await live(database, log, 'outcomes');
    },
    rows: async (): Promise<Row[]> =>
      await database.query<Row>(
        `select kind, value, last_value, resolved, resolution_reason as reason from dict_rate_limit_call_alerts
         order by created_at, kind`,
      ),
  };
}

/** What a relay takes to the topic. */
export async function sent(database: Database, log: EventLog): Promise<AlertEvent[]> {
  const abort = new AbortController();
  const done = relay({ database, log, topic: RATE_LIMIT_ALERTS.name, observer: recorder() }, abort.signal);
  await eventually('an empty outbox', async () => (await outboxSize(database)) === 0);
  abort.abort();
  await done;
  const found = await readAll(log, RATE_LIMIT_ALERTS.name);
  return found.map((message) => decodeAlertEvent(message) ?? expect.fail('an event that nobody knows'));
}

export const told = (events: readonly AlertEvent[]): readonly string[] =>
  events.map((event) =>
    event.type === 'CallAlertRaised' || event.type === 'CallAlertResolved'
      ? `${event.callKind} ${event.reason} ${String(event.callValue)}`
      : event.type,
  );
