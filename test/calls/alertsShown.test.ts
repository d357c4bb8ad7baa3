/** Alerts about calls in a process as it is run, and what commands, JSON and metrics tell of them. */
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { callAlertsSample } from '../../src/app/outcomeSamples.ts';
import { runRoles } from '../../src/app/roles.ts';
import { openOutcomesPublisher } from '../../src/calls/publish.ts';
import { decodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { loadConfig } from '../../src/config/config.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { MINUTE, observation, PARTICIPANT } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { live } from '../support/rebuilds.ts';
import { never, publish, readAll } from '../support/topics.ts';

const POLICY = 'ENTRIES_READ_PARTICIPANT_ANTISCAN';

interface Shown {
  readonly id: string;
  readonly kind: string;
  readonly value: number;
  readonly created_at: string;
  readonly resolved_at: string | null;
  readonly resolution_reason: string | null;
}

async function called() {
  const { url, database, log } = await baldeDatabase();
  const now = Date.now();
  await publish(log, [observation({ policy: POLICY, responseTime: now - MINUTE })]);
  const publisher = await openOutcomesPublisher(log, () => now, never);
  const windowStart = now - (now % MINUTE) - 2 * MINUTE;
  await publisher.publish([outcomes({ policy: POLICY, windowStart, status200: 900, status404: 100 })]);
  await publisher.close();
  await live(database, log, 'states');
  await live(database, log, 'outcomes');
  const storage = {
    ...{ database, log, databaseOptions: { url }, description: '', logDescription: '' },
    close: async () => Promise.resolve(),
  };
  const told = async (): Promise<string[]> =>
    (await readAll(log, RATE_LIMIT_ALERTS.name)).map((message) => {
      const event = decodeAlertEvent(message);
      return event === null || event.type === 'CategoryChanged' ? '' : `${event.type} ${event.reason}`;
    });
  return {
    url,
    database,
    told,
    /** A process that has its first turn at once, until the topic has so many events. */
    run: async (level: string, events: number): Promise<void> => {
      await database.execute(`update balde.call_alert_round set begun_at = 'epoch'`);
      const polled = { PARTICIPANT, BRIDGE_ADDRESS: '127.0.0.1:1', NOT_FOUND_ALERT_PERCENT: level };
      const abort = new AbortController();
      const running = runRoles(
        { config: loadConfig(polled), storage, roles: ['outcomes', 'relay'], logger: pino({ level: 'silent' }) },
        abort.signal,
      );
      await eventually('the event', async () => (await told()).length >= events);
      abort.abort();
      await running;
    },
  };
}

describe('[CALLS-15] a process with role outcomes', () => {
  it('raises the alert that commands, JSON and metric then show, and one without the level ends it', async () => {
    const { url, database, told, run } = await called();
    const shown = async (...args: string[]) => await balde(args, { DATABASE_URL: url });
    const opened = async () => (await callAlertsSample(database).read(never))[0];
    expect((await shown('alerts', '--calls')).stdout).toContain('no alert about calls');
    expect((await shown('status')).stdout).not.toContain('alerts about calls');
    expect(await opened()).toContainEqual([{ kind: 'NOT_FOUND_RATE' }, 0]);

    await run('7', 1);
    expect(await told()).toEqual(['CallAlertRaised ABOVE_LEVEL']);
    expect(await opened()).toEqual([
      [{ kind: 'NOT_FOUND_RATE' }, 1],
      [{ kind: 'QUERIES_PER_PAYMENT_ORDER' }, 0],
      [{ kind: 'UNEXPLAINED' }, 0],
    ]);
    const { call_alerts: alerts } = jsonOf<{ call_alerts: Shown[] }>(await shown('status', '--json'));
    expect(alerts).toMatchObject([{ kind: 'NOT_FOUND_RATE', value: 10, resolved_at: null }]);
    const [alert = expect.fail('there is one')] = alerts;
    const { stdout: status } = await shown('status');
    expect(status).toContain('alerts about calls:');
    expect(status).toContain(
      `10.00% of 1000 queries in 24 hours found nothing on ${POLICY} of ${PARTICIPANT}, above 7%`,
    );
    expect((await shown('status', '--policy', POLICY)).stdout).toContain('alerts about calls:');
    const listed = (await shown('alerts', '--calls', '--open')).stdout;
    expect(listed).toMatch(new RegExp(`NOT_FOUND_RATE +${PARTICIPANT} +${POLICY} +7.0 % +10.0 % +10.0 % +open`));
    expect(listed).toContain(alert.id.slice(0, 8));
    expect(jsonOf<Shown[]>(await shown('alerts', '--calls', '--json'))).toEqual(alerts);
    expect(jsonOf<Shown[]>(await shown('alerts', '--calls', '--json', '--from', alert.created_at))).toEqual(alerts);
    expect(jsonOf<Shown[]>(await shown('alerts', '--calls', '--json', '--to', alert.created_at))).toEqual([]);
    // Thresholds are other alerts.
    expect(jsonOf<Shown[]>(await shown('alerts', '--json'))).toEqual([]);

    await run('off', 2);
    expect(await told()).toEqual(['CallAlertRaised ABOVE_LEVEL', 'CallAlertResolved SWITCHED_OFF']);
    const [over] = jsonOf<Shown[]>(await shown('alerts', '--calls', '--json'));
    expect(over).toMatchObject({ id: alert.id, resolution_reason: 'SWITCHED_OFF' });
    expect(jsonOf<Shown[]>(await shown('alerts', '--calls', '--open', '--json'))).toEqual([]);
  }, 120_000);
});
