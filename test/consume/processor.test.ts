import { describe, expect, it } from 'vitest';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { baldeDatabase } from '../support/database.ts';
import { observed } from '../support/observations.ts';
import { alerting, everything, history, recorder, states, takeAll } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';

async function given() {
  const base = await baldeDatabase();
  return {
    ...base,
    publish: async (...events: Parameters<typeof publish>[1]) => await publish(base.log, events),
  };
}

describe('one batch [FOLD-2]', () => {
  it('brings rows, states and the checkpoint, all at once', async () => {
    const { database, log, publish } = await given();
    await publish(observed('A', 0, 50), observed('B', 0, 70), observed('A', 5, 40));
    const observer = recorder();
    const processor = states(database, { observer });
    await takeAll(processor);
    expect(await processor.process(await policyStates(log))).toBe('committed');
    expect(await history(database)).toEqual([
      ['A', 0, 50],
      ['A', 5, 40],
      ['B', 0, 70],
    ]);
    const ends = (await log.ends('policy-states')).map(({ last }) => last);
    const positions = [...(await takeAll(processor))].sort().map(([, position]) => position);
    expect(positions).toEqual(ends);
    expect(observer.told.map(([what, , n]) => [what, n])).toEqual([['committed', 3]]);
  });

  it('brings the alerts decided and the checkpoint, all at once', async () => {
    const { database, log, publish } = await given();
    await publish(observed('A', 0, 50), observed('A', 5, 15), observed('A', 10, 5));
    const processor = alerting(database);
    await takeAll(processor);
    await processor.process(await policyStates(log));
    const outbox = await database.query<{ type: string; severity: string }>(
      `select properties->>'event_type' as type, properties->>'severity' as severity from balde.outbox order by id`,
    );
    expect(outbox.map(({ type, severity }) => `${type} ${severity}`)).toEqual([
      'AlertRaised WARNING',
      'AlertResolved WARNING',
      'AlertRaised CRITICAL',
    ]);
  });

  const parts = [
    ['the history', 'states_v1.history', 'insert'],
    ['the latest state', 'states_v1.latest', 'insert'],
    ['the policies', 'states_v1.policies', 'insert'],
    ['the fold states', 'states_v1.fold_state', 'insert'],
    ['the checkpoint', 'balde.checkpoint', 'update'],
    ['a dead letter', 'balde.outbox', 'insert'],
  ] as const;

  it.each(parts)('keeps nothing when %s can not be written', async (_, table, verb) => {
    await nothingIsKept(
      table,
      `create trigger broken before ${verb} on ${table} for each row execute function broken()`,
    );
  });

  it('keeps nothing when the commit itself fails', async () => {
    await nothingIsKept(
      'states_v1.policies',
      `create constraint trigger broken after insert on states_v1.policies deferrable initially deferred
       for each row execute function broken()`,
    );
  });

  async function nothingIsKept(table: string, trigger: string): Promise<void> {
    const { database, log, publish } = await given();
    const processor = states(database);
    await takeAll(processor);
    await publish(observed('A', 0, 50));
    await processor.process(await policyStates(log));
    await publish(observed('A', 5, 40), observed('B', 5, 70), poison('C'));
    const before = await everything(database);
    await database.execute(
      `create function broken() returns trigger language plpgsql as
       $$ begin raise exception 'broken' using errcode = '40001'; end $$`,
    );
    await database.execute(trigger);
    await expect(processor.process(await policyStates(log))).rejects.toThrow(DatabaseUnavailableError);
    expect(await everything(database)).toEqual(before);

    await database.execute(`drop trigger broken on ${table}`);
    expect(await processor.process(await policyStates(log))).toBe('committed');
    expect(await history(database)).toHaveLength(3);
    expect((await everything(database))['outbox']).toHaveLength(1);
  }
});

const poison = (policy: string) => ({
  key: `12345678:${policy}`,
  payload: Buffer.from('no Avro'),
  properties: { event_type: 'PolicyStateObserved', schema_version: '1' },
  eventTime: 0,
  sequenceId: 0,
});

describe('a batch that is delivered again [FOLD-4]', () => {
  it('has no effect, in the same instance and in another', async () => {
    const { database, log, publish } = await given();
    await publish(observed('A', 0, 50), observed('B', 0, 5), observed('A', 5, 40), poison('C'));
    const [first, second] = [states(database), states(database)];
    const messages = await policyStates(log);
    await takeAll(first);
    await first.process(messages);
    const after = await everything(database);
    expect(await first.process(messages)).toBe('committed');
    expect(await first.process(messages.slice(1, 2))).toBe('committed');
    await takeAll(second);
    expect(await second.process(messages)).toBe('committed');
    expect(await everything(database)).toEqual(after);
  });

  it('together with new messages brings these only', async () => {
    const { database, log, publish } = await given();
    await publish(observed('A', 0, 50), observed('B', 0, 15));
    const [projection, reactor] = [states(database), alerting(database)];
    await takeAll(projection);
    await takeAll(reactor);
    for (const fold of [projection, reactor]) await fold.process(await policyStates(log));
    await publish(observed('A', 5, 40), observed('B', 5, 14));
    for (const fold of [projection, reactor]) await fold.process(await policyStates(log));
    expect(await history(database)).toHaveLength(4);
    expect((await everything(database))['outbox']).toHaveLength(1);
  });

  it('after a commit whose answer was lost, is found to be done', async () => {
    const { database, log, publish } = await given();
    await publish(observed('A', 0, 50), observed('B', 0, 15));
    const observer = recorder();
    let lost = 1;
    const flaky = {
      ...database,
      transaction: async <T>(work: Parameters<typeof database.transaction<T>>[0]): Promise<T> => {
        const done = await database.transaction(work);
        if (observer.told.length === 0 && lost-- === 0) throw new DatabaseUnavailableError('the answer was lost');
        return done;
      },
    };
    const processor = states(flaky, { observer });
    await takeAll(processor);
    const messages = await policyStates(log);
    // The first transaction makes the month's partition, the second is the batch.
    await expect(processor.process(messages)).rejects.toThrow(DatabaseUnavailableError);
    const after = await everything(database);
    expect(await processor.process(messages)).toBe('conflict');
    await takeAll(processor);
    expect(await processor.process(messages)).toBe('committed');
    expect(await everything(database)).toEqual(after);
    expect(await history(database)).toHaveLength(2);
  });
});

describe('an observation', () => {
  it('that comes late is kept in the history, and changes nothing else', async () => {
    const { database, log, publish } = await given();
    await publish(observed('A', 10, 50), observed('A', 5, 3), observed('A', 15, 45));
    for (const fold of [states(database), alerting(database)]) {
      await takeAll(fold);
      await fold.process(await policyStates(log));
    }
    expect(await history(database)).toEqual([
      ['A', 5, 3],
      ['A', 10, 50],
      ['A', 15, 45],
    ]);
    const found = await everything(database);
    expect(found['latest']).toMatchObject([{ available_tokens: 45 }]);
    expect(found['outbox']).toEqual([]);
  });

  it('that is repeated in the log is kept once, as it was first', async () => {
    const { database, log, publish } = await given();
    await publish(observed('A', 0, 50), observed('A', 0, 50), observed('A', 5, 40), observed('A', 0, 49));
    const processor = states(database);
    await takeAll(processor);
    for (const message of await policyStates(log)) await processor.process([message]);
    await publish(observed('A', 5, 40));
    await processor.process(await policyStates(log));
    expect(await history(database)).toEqual([
      ['A', 0, 50],
      ['A', 5, 40],
    ]);
  });

  it('gives the same tables in one batch, one by one, and from any restart in between [FOLD-7]', async () => {
    const events = Array.from({ length: 60 }, (_, i) =>
      observed(`P${i % 3}`, Math.floor(i / 3) * 5 - (i % 11 === 0 ? 20 : 0), 100 - ((i * 7) % 100)),
    );
    const tables: unknown[] = [];
    for (const size of [1, 7, 60]) {
      const { database, log, publish } = await given();
      await publish(...events);
      const messages = await policyStates(log);
      for (let at = 0; at < messages.length; at += size) {
        for (const fold of [states(database), alerting(database)]) {
          await takeAll(fold);
          expect(await fold.process(messages.slice(at, at + size))).toBe('committed');
        }
      }
      tables.push(await everything(database));
    }
    expect(tables[1]).toEqual(tables[0]);
    expect(tables[2]).toEqual(tables[0]);
  });
});
