import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLetter, writeLetter } from '../../src/codec/deadLetter.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { deadLetterOf } from '../../src/consume/deadLetter.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import { withoutCallAlerts } from '../support/callAlerts.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';
import { ALERTING_DLQ, allLetters, EVENT_TIME, junk, settle, STATES_DLQ } from '../support/deadLetters.ts';
import { readAll, publish } from '../support/topics.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { installFold } from '../../src/store/installFold.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import { migrate } from '../../src/store/migrate.ts';

const FACTS = {
  reason: 'because',
  consumer: 'states',
  sourceTopic: 'policy-states',
  sourcePartition: 3,
  sourcePosition: '0000000000000017',
  setAsideAt: EVENT_TIME,
};

describe('the properties of a dead letter [DLQ-1]', () => {
  it('say why and whence, and name the letter', () => {
    expect(writeLetter({ event_type: 'X' }, FACTS)).toEqual({
      event_type: 'X',
      event_id: 'states/policy-states/3/0000000000000017',
      reason: 'because',
      consumer: 'states',
      source_topic: 'policy-states',
      source_partition: '3',
      source_position: '0000000000000017',
      set_aside_at: '2026-03-01T12:00:00.000Z',
    });
  });

  it('keep one of the message that is named like one of these beside it', () => {
    const original = { reason: 'mine', original_reason: 'mine too', event_id: 'e', other: 'o' };
    const written = writeLetter(original, FACTS);
    expect(written).toMatchObject({
      reason: 'because',
      original_reason: 'mine',
      original_original_reason: 'mine too',
      original_event_id: 'e',
      other: 'o',
    });
    expect(readLetter(written)).toMatchObject({ original, ...FACTS });
  });

  it('give back whatever the message had', () => {
    const name = fc.oneof(
      fc.string(),
      fc
        .tuple(
          fc.constantFrom('', 'original_', 'original_original_', '__proto__'),
          fc.constantFrom('reason', 'consumer', 'event_id', 'set_aside_at', 'source_topic', 'free', ''),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (entries) => {
        const original = Object.fromEntries(entries);
        expect(readLetter(writeLetter(original, FACTS))).toMatchObject(FACTS);
        expect(Object.entries(readLetter(writeLetter(original, FACTS)).original).sort()).toEqual(
          Object.entries(original).sort(),
        );
      }),
    );
  });

  it('that something else than Balde wrote may be missing', () => {
    expect(readLetter({ source_partition: 'x', set_aside_at: 'y' })).toEqual({
      original: {},
      reason: null,
      consumer: null,
      sourceTopic: null,
      sourcePartition: null,
      sourcePosition: null,
      sourceEventTime: null,
      setAsideAt: null,
      cutFromBytes: null,
      eventId: null,
    });
  });

  it('name the same letter whenever the same fold sets the same message aside', () => {
    const message: LogMessage = { ...junk('x'), topic: 'policy-states', partition: 1, position: '0005' };
    const [first, again, other] = ['states', 'states', 'alerting'].map((fold) =>
      deadLetterOf(message, fold, new Error(String(Math.random()))),
    );
    expect(again?.properties['event_id']).toBe(first?.properties['event_id']);
    expect(other?.properties['event_id']).not.toBe(first?.properties['event_id']);
    expect([first?.topic, other?.topic]).toEqual([STATES_DLQ, ALERTING_DLQ]);
  });
});

describe('a poison message [FOLD-5, DLQ-1]', () => {
  it('reaches the topic of each processor that met it, as it came', async () => {
    const { database, log } = await baldeDatabase();
    const bad = junk('bad', { properties: { reason: 'its own', free: 'kept' } });
    await publish(log, [bad]);
    await publish(log, [junk('no alert')], 'rate-limit-alerts');
    await settle(database, log);
    const found = await allLetters({ database, log });
    const met = FOLDS.filter(({ topic }) => ['policy-states', 'rate-limit-alerts'].includes(topic));
    expect(met.length).toBeGreaterThanOrEqual(5);
    expect(found.map(({ topic, processor, source }) => [topic, processor, source])).toEqual(
      met.map(({ name, topic }) => [`${topic}-${name}-DLQ`, name, topic]),
    );
    const [source] = await readAll(log, POLICY_STATES.name);
    for (const { message, facts, processor } of found.slice(0, 2)) {
      expect(message.payload.equals(bad.payload)).toBe(true);
      expect(message).toMatchObject({ key: bad.key, eventTime: bad.eventTime, partition: 0 });
      expect(facts).toMatchObject({
        original: bad.properties,
        consumer: processor,
        sourceTopic: 'policy-states',
        sourcePartition: source?.partition,
        sourcePosition: source?.position,
        eventId: `${processor}/policy-states/${source?.partition}/${source?.position}`,
        reason: expect.stringContaining('not known on this topic') as string,
      });
      expect(Math.abs(Date.now() - (facts.setAsideAt ?? 0))).toBeLessThan(60_000);
    }
  });
});

describe('letters of the single topic there was before [DLQ-1]', () => {
  it('go to the topics of their folds, each once, with what their properties lack', async () => {
    const { url, database } = await emptyDatabase();
    await migrate(url);
    await withoutCallAlerts(database);
    await database.execute(`drop table balde.dead_letter_handled, balde.outbox_watermark`);
    await database.execute(`drop function balde.number_outbox, balde.expect_moved`);
    await database.execute(
      `drop table balde.sealed_month, balde.first_message, balde.process, balde.installation, balde.lock`,
    );
    await database.execute(
      `alter table balde.projection drop column revision, drop column state, drop column source, drop column until,
         drop column served_at, drop column views, drop column views_sql`,
    );
    await database.execute(`delete from balde_migrations.migration where name >= '0003'`);
    const log = new EmbeddedLog(database);
    const old = { name: 'dead-letters', partitions: 1, schema: { kind: 'bytes', definition: '' } } as const;
    await log.ensureTopic(old);
    const of = (consumer: string, position: string) => ({
      ...{ reason: 'r', consumer, source_topic: 'policy-states', source_partition: '1' },
      source_position: position,
    });
    await publish(log, [junk('a', { properties: of('states', '7') })], old.name);
    // Sent and not yet removed; and one that was never sent.
    await database.execute(
      `insert into balde.outbox (topic, key, properties, event_time, payload, sequence_id)
       select 'dead-letters', 'k', p, now(), 'b', n from unnest($1::jsonb[], $2::bigint[]) as o (p, n)`,
      [
        [JSON.stringify(of('states', '7')), JSON.stringify(of('alerting', '7'))],
        [1, 2],
      ],
    );
    expect(await migrate(url)).toEqual([
      '0003_dead_letters',
      '0004_outbox_watermark',
      '0005_versions',
      '0006_one_statement',
      '0007_own_locks',
      '0008_installation',
      '0009_served_views',
      '0010_first_messages',
      '0011_views_of_a_version',
      '0012_history_at_zero',
      '0018_offices',
      '0019_call_alerts',
    ]);
    for (const fold of FOLDS) await installFold(database, fold);
    for (const topic of TOPICS) await log.ensureTopic(topic);
    await settle(database, log);
    const found = await allLetters({ database, log });
    expect(found.map(({ topic, facts }) => [topic, facts.eventId])).toEqual([
      [STATES_DLQ, 'states/policy-states/1/7'],
      [ALERTING_DLQ, 'alerting/policy-states/1/7'],
    ]);
    for (const { facts } of found) {
      expect(Math.abs(Date.now() - (facts.setAsideAt ?? 0))).toBeLessThan(60_000);
    }
    await log.close();
  });
});
