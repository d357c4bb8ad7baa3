/** What a newer version of Balde writes to the alert topic, read by this one: a rolling upgrade, or a rollback. */
import { describe, expect, it } from 'vitest';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { decodeAlertEvent, encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { ArchiveRecords } from '../../src/codec/archiveRecord.ts';
import { PoisonMessageError } from '../../src/codec/errors.ts';
import { projectionEffects } from '../../src/consume/effects.ts';
import { Processor } from '../../src/consume/processor.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import { OpenAlerts } from '../../src/app/openAlerts.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { tail } from '../../src/consume/tail.ts';
import { openExport } from '../../src/operate/exportSources.ts';
import type { ExportContext } from '../../src/operate/exportSources.ts';
import { observed, outgoing } from '../support/observations.ts';
import { alerting, recorder, states, takeAll } from '../support/processors.ts';
import { policyStates, publish, shared } from '../support/topics.ts';
import { eventually } from '../support/eventually.ts';
import { baldeDatabase } from '../support/database.ts';
import { raised, resolved } from './anyAlerts.ts';

const alert = raised('CLAIMS_READ', 1);
const wire = (event: AlertEvent): Record<string, unknown> =>
  JSON.parse(encodeAlertEvent(event).payload.toString('utf8')) as Record<string, unknown>;
const message = (event: object) => ({
  key: '12345678:CLAIMS_READ',
  payload: Buffer.from(JSON.stringify(event), 'utf8'),
  properties: {},
});

/** What is not known yet, and what becomes of it: kept as text, or passed over. */
const NEWER = [
  ['a reason of an end', { ...wire(resolved(alert, 2)), reason: 'FORGIVEN' }, 'FORGIVEN'],
  ['a reason of an alert', { ...wire(alert), reason: 'FORECAST' }, 'FORECAST'],
  ['a field', { ...wire(alert), kind: 'forecast', forecast: { at: 7, band: [1, 2] } }, 'THRESHOLD'],
  ['an event', { ...wire(alert), event_type: 'AlertAcknowledged' }, null],
  ['an event with other fields', { event_type: 'BudgetChanged', spent: { today: 3 } }, null],
] as const;

describe('what is not known yet on the alert topic [OUT-6]', () => {
  it.each(NEWER)('%s is kept as text or passed over', (_what, event, reason) => {
    const decoded = decodeAlertEvent(message(event));
    expect(decoded === null || decoded.type === 'CategoryChanged' ? null : decoded.reason).toBe(reason);
  });

  it('makes no dead letter, and reasons come into the table as they are', async () => {
    const { database } = await baldeDatabase();
    const observer = recorder();
    const processor = new Processor({
      database,
      fold: alertsProjection,
      decode: decodeAlertEvent,
      effects: projectionEffects(database, alertsProjection),
      observer,
    });
    await processor.resume(0);
    const events = [NEWER[4][1], NEWER[1][1], NEWER[3][1], NEWER[0][1]];
    const messages = events.map((event, i) => ({
      ...message(event),
      ...{ topic: 'rate-limit-alerts', partition: 0, position: String(i + 1), eventTime: alert.timestamp },
    }));
    expect(await processor.process(messages)).toBe('committed');
    expect(observer.count('deadLettered')).toBe(0);
    expect(await database.query('select reason, resolution_reason from alerts_v1.alerts')).toEqual([
      { reason: 'FORECAST', resolution_reason: 'FORGIVEN' },
    ]);
  });

  it.each(NEWER)('%s is archived byte by byte', (_what, event) => {
    const records = new ArchiveRecords('rate-limit-alerts');
    const archived = {
      ...message(event),
      ...{ topic: 'rate-limit-alerts', partition: 0, position: '1', eventTime: alert.timestamp },
    };
    const { bytes } = records.encode(archived);
    expect(records.decode(bytes, 1)).toEqual([archived]);
  });

  it.each<[string, object]>([
    ['nothing of what it is', { ...wire(alert), event_type: undefined }],
    ['an empty type', { ...wire(alert), event_type: '' }],
    ['a field of another type', { ...wire(alert), capacity: 'many' }],
    ['no alert', { ...wire(alert), alert_id: undefined }],
  ])('is not what says %s: that is a dead letter as before', (_what, event) => {
    expect(() => decodeAlertEvent(message(event))).toThrow(PoisonMessageError);
  });
});

/** An event as a later version may publish it on the topic of observations. */
const newerObservation = {
  ...outgoing(observed('CLAIMS_READ', 1, 50)),
  payload: Buffer.from('of another form'),
  properties: { event_type: 'RequestOutcomesObserved', schema_version: '1' },
};

describe('an event of a type not known yet on the topic of observations [OUT-6]', () => {
  it.each(['states', 'alerting'] as const)('makes no dead letter of processor %s', async (fold) => {
    const { database, log } = await baldeDatabase();
    await publish(log, [newerObservation, observed('CLAIMS_READ', 2, 5)]);
    const observer = recorder();
    const processor = fold === 'states' ? states(database, { observer }) : alerting(database, { observer });
    await takeAll(processor);
    expect(await processor.process(await policyStates(log))).toBe('committed');
    expect(observer.count('deadLettered')).toBe(0);
  });

  it('is archived byte by byte', () => {
    const records = new ArchiveRecords('policy-states');
    const { sequenceId: _, ...sent } = newerObservation;
    const archived = { ...sent, topic: 'policy-states', partition: 0, position: '1' };
    const { bytes } = records.encode(archived);
    expect(records.decode(bytes, 1)).toEqual([archived]);
  });

  it('is not counted as an observation, nor as poison of a rebuild', () => {
    const logged = { ...newerObservation, topic: 'policy-states', partition: 0, position: '1' };
    expect(POLICY_STATES.decode(logged)).toBeNull();
  });

  it.each(['observations', 'alert-events'] as const)(
    'is left out of an export of %s, and is no problem',
    async (what) => {
      const { database, log } = await baldeDatabase();
      await publish(log, [newerObservation]);
      const producer = await shared(log, 'rate-limit-alerts', 'newer');
      await producer.send(NEWER.slice(3).map(([, event], n) => ({ ...message(event), eventTime: 1, sequenceId: n })));
      await producer.close();
      const poison: string[] = [];
      const storage = { database, log } as unknown as ExportContext['storage'];
      const { batches } = await openExport(what, {
        ...{ storage, signal: new AbortController().signal },
        onPoison: (_message, reason) => void poison.push(reason),
      });
      for await (const rows of batches) expect(rows).toEqual([]);
      expect(poison).toEqual([]);
      // Nor does it hold up the reactor, which reads the alert topic back.
      const open = await OpenAlerts.begin({ database, log });
      await open.advance(new AbortController().signal);
      expect([...open.all()]).toEqual([]);
    },
  );

  it('is passed over by whoever only watches', async () => {
    const { log } = await baldeDatabase();
    const [seen, stop] = [new Set<string>(), new AbortController()];
    const watching = tail(log, POLICY_STATES, ({ policy }) => seen.add(policy), stop.signal);
    let n = 0;
    await eventually('what came after it', async () => {
      n += 1;
      await publish(log, [newerObservation, observed('KEYS_CHECK', n, 5)]);
      return seen.has('KEYS_CHECK');
    });
    stop.abort();
    await watching;
    expect([...seen]).toEqual(['KEYS_CHECK']);
  });
});

describe('an event is written in the oldest version that can say it [OUT-6]', () => {
  it.each([
    [alert, '1'],
    [resolved(alert, 2, 'RECOVERED'), '1'],
    [resolved(alert, 2, 'ESCALATED'), '1'],
    [resolved(alert, 2, 'SUPERSEDED'), '2'],
    [resolved(alert, 2, 'RETIRED'), '2'],
  ] as const)('%#', (event, version) => {
    expect(encodeAlertEvent(event).properties['schema_version']).toBe(version);
    expect(decodeAlertEvent(message(wire(event)))).toEqual(event);
  });

  it('one that no version can say is not written', () => {
    const event = { ...resolved(alert, 2), reason: 'FORGIVEN' } as unknown as AlertEvent;
    expect(() => encodeAlertEvent(event)).toThrow(/not a AlertResolved: wrong or missing reason/);
  });
});
