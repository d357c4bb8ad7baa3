/** What a newer version of Balde writes to the alert topic, read by this one: a rolling upgrade, or a rollback. */
import { describe, expect, it } from 'vitest';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { decodeAlertEvent, encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { ArchiveRecords } from '../../src/codec/archiveRecord.ts';
import { PoisonMessageError } from '../../src/codec/errors.ts';
import { projectionEffects } from '../../src/consume/effects.ts';
import { Processor } from '../../src/consume/processor.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import { recorder } from '../consume/given.ts';
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
