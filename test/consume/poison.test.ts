import { describe, expect, it } from 'vitest';
import type { OutgoingMessage } from '../../src/log/eventLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { observed, outgoing } from '../support/observations.ts';
import { alerting, deadLetters, history, recorder, states, takeAll } from '../support/processors.ts';
import type { StatesRow, Twist } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';

const good = outgoing(observed('A', 0, 50));

const message = (values: Partial<OutgoingMessage>): OutgoingMessage => ({ ...good, ...values });

const otherKey = { ...outgoing(observed('A', 7, 50)), key: '12345678:OTHER' };

/** Runs the states projection over what is in the log. */
async function run(events: Parameters<typeof publish>[1], twist: Twist<StatesRow> = {}) {
  const { database, log } = await baldeDatabase();
  await publish(log, events);
  const observer = recorder();
  const processor = states(database, { observer, ...twist });
  await takeAll(processor);
  const outcome = await processor.process(await policyStates(log));
  return { database, log, observer, processor, outcome };
}

describe('a message that is no event [FOLD-5]', () => {
  it.each([
    ['is not Avro', message({ payload: Buffer.from('no Avro') }), /not a PolicyStateObserved version 1/],
    ['is empty', message({ payload: Buffer.alloc(0) }), /not a PolicyStateObserved version 1/],
    ['has bytes left over', message({ payload: Buffer.concat([good.payload, Buffer.from('x')]) }), /not a Policy/],
    ['says nothing of itself', message({ properties: {} }), /undefined/],
    ['is of a version not known', message({ properties: { ...good.properties, schema_version: '9' } }), /"9"/],
    ['has values that can not be', outgoing(observed('A', 7, 50, { capacity: 0 })), /capacity_not_positive/],
    ['has a time that can not be', outgoing(observed('A', 7, 50, { observedAt: 0 })), /responseTime/],
    ['has an id that is not its own', outgoing(observed('A', 7, 50, { eventId: 'x' })), /eventId/],
    ['has a key that is not its own', otherKey, /12345678:OTHER/],
  ])('because it %s is set aside with the reason, and the next ones flow', async (_, bad, reason) => {
    const { database, observer, outcome } = await run([observed('A', 0, 50), bad, observed('A', 10, 40)]);
    expect(outcome).toBe('committed');
    expect(await history(database)).toEqual([
      ['A', 0, 50],
      ['A', 10, 40],
    ]);
    const letters = await deadLetters(database);
    expect(letters).toEqual([
      expect.objectContaining({
        reason: expect.stringMatching(reason) as string,
        consumer: 'states',
        source_topic: 'policy-states',
        source_partition: expect.stringMatching(/^\d$/) as string,
        source_position: expect.stringMatching(/^\d+$/) as string,
        ...bad.properties,
      }),
    ]);
    expect(observer.told.filter(([what]) => what === 'deadLettered')).toEqual([
      ['deadLettered', 'states', 'policy-states', letters[0]?.['reason']],
    ]);
  });

  it('is set aside once by each fold, byte for byte', async () => {
    const payload = Buffer.from([0, 1, 2, 255]);
    const { database, log } = await run([message({ payload })]);
    const reactor = alerting(database);
    await takeAll(reactor);
    await reactor.process(await policyStates(log));
    await reactor.process(await policyStates(log));
    expect((await deadLetters(database)).map(({ consumer }) => consumer)).toEqual(['states', 'alerting']);
    const rows = await database.query<{ payload: Buffer }>(`select payload from balde.outbox`);
    expect(rows.map((row) => row.payload.equals(payload))).toEqual([true, true]);
  });
});

/** The row of an event, with a value that its column does not take. */
const unstorable: NonNullable<Twist<StatesRow>['out']> = (event, out) =>
  event.policy.startsWith('BAD')
    ? out.map((change) => ({
        ...change,
        row: change.row.map((v) => (v === event.availableTokens ? 'no number' : v)),
      }))
    : out;

describe('a message that decodes and can not be stored [FOLD-5]', () => {
  const many = Array.from({ length: 64 }, (_, i) => observed(i % 20 === 13 ? `BAD${i}` : `P${i % 5}`, i, 1_000 + i));
  const bad = many.filter(({ policy }) => policy.startsWith('BAD'));

  it('is found by halving, whatever stands around it', async () => {
    const { database, observer, outcome } = await run(many, { out: unstorable });
    expect(outcome).toBe('committed');
    expect((await history(database)).map(([policy]) => policy)).toEqual(
      many
        .filter((event) => !bad.includes(event))
        .map(({ policy }) => policy)
        .sort(),
    );
    const letters = await deadLetters(database);
    expect(letters).toHaveLength(bad.length);
    for (const { reason } of letters) expect(reason).toMatch(/no number/);
    expect(observer.count('deadLettered')).toBe(bad.length);
    expect(observer.sum('committed', 2)).toBe(64);
  });

  it('is found when the fold itself throws', async () => {
    const { database } = await run(many, {
      fold: (event) => {
        if (bad.includes(event) || event.policy.startsWith('BAD')) throw new TypeError(`no fold for ${event.policy}`);
      },
    });
    expect(await history(database)).toHaveLength(64 - bad.length);
    expect((await deadLetters(database)).map(({ reason }) => reason).sort()).toEqual(
      bad.map(({ policy }) => `no fold for ${policy}`).sort(),
    );
  });

  it('is set aside even if its reason could not be stored as it is', async () => {
    const { database } = await run([observed('A', 0, 50)], {
      fold: () => {
        throw new Error(`nul \0 half \ud83e long ${'x'.repeat(5_000)}`);
      },
    });
    const [letter] = await deadLetters(database);
    expect(letter?.['reason']).toMatch(/^nul \ufffd half \ufffd long x+$/);
    expect(letter?.['reason']).toHaveLength(1_000);
  });

  it('because its key is there already does not stop the others', async () => {
    const { database, log } = await baldeDatabase();
    const processor = states(database);
    await takeAll(processor);
    await publish(log, [observed('A', 0, 50)]);
    await processor.process(await policyStates(log));
    // Something else than the fold wrote the next row.
    await database.execute(
      `insert into states_v1.history select participant, endpoint_id, response_time + interval '5 minutes', event_id,
         available_tokens, capacity, refill_tokens, refill_period_sec, psp_category, utilization_percent, null, null, null,
         null, null, null, null, null, null, observed_at, null, poll_id from states_v1.history`,
    );
    await publish(log, [observed('A', 5, 40), observed('B', 5, 30), observed('A', 10, 20)]);
    expect(await processor.process(await policyStates(log))).toBe('committed');
    expect(await history(database)).toEqual([
      ['A', 0, 50],
      ['A', 5, 50],
      ['A', 10, 20],
      ['B', 5, 30],
    ]);
    expect(await deadLetters(database)).toEqual([
      expect.objectContaining({ reason: expect.stringContaining('duplicate key') as string }),
    ]);
  });

  it('because a check forbids it does not stop the others', async () => {
    const { database, log } = await baldeDatabase();
    await database.execute(`alter table states_v1.latest add check (available_tokens <> 13)`);
    await publish(log, [observed('A', 0, 50), observed('B', 0, 13), observed('C', 0, 60)]);
    const processor = states(database);
    await takeAll(processor);
    expect(await processor.process(await policyStates(log))).toBe('committed');
    expect(await history(database)).toEqual([
      ['A', 0, 50],
      ['C', 0, 60],
    ]);
    expect(await deadLetters(database)).toHaveLength(1);
  });
});

describe('a fault that is no message’s', () => {
  it.each([
    ['a table is missing', 'alter table states_v1.latest rename to gone', /relation .* does not exist/],
    ['a column is missing', 'alter table states_v1.latest rename column capacity to gone', /column .* does not exist/],
  ])('because %s sets nothing aside and says so', async (_, damage, complaint) => {
    const { database, log } = await baldeDatabase();
    await publish(log, [observed('A', 0, 50), observed('B', 0, 60)]);
    const processor = states(database);
    await takeAll(processor);
    await database.execute(damage);
    await expect(processor.process(await policyStates(log))).rejects.toThrow(complaint);
    expect(await history(database)).toEqual([]);
    expect(await deadLetters(database)).toEqual([]);
  });
});
