import { describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/log/eventLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { baldeDatabase } from '../support/database.ts';
import { gate } from '../support/gates.ts';
import { observed } from '../support/observations.ts';
import { alerting, everything, history, recorder, states, takeAll } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';

describe('two instances of one projection [FOLD-3]', () => {
  it('of which one is paused past its turn: nothing is doubled, its transaction fails, and it recovers', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [observed('A', 0, 50), observed('B', 0, 15), observed('A', 5, 40)]);
    const paused = gate();
    const observer = recorder();
    const zombie = states(database, {
      observer,
      effects: (real) => ({
        ...real,
        prepare: async (out) => {
          await real.prepare(out);
          await paused.pass();
        },
      }),
    });
    const heir = states(database);
    await takeAll(zombie);
    await takeAll(heir);
    const messages = await policyStates(log);
    const late = zombie.process(messages);
    await paused.reached;
    expect(await heir.process(messages)).toBe('committed');
    const after = await everything(database);
    paused.open();
    expect(await late).toBe('conflict');
    expect(observer.told.map(([what]) => what)).toEqual(['conflict']);
    expect(await everything(database)).toEqual(after);

    // It reads the positions again and takes its turn.
    await takeAll(zombie);
    await publish(log, [observed('A', 10, 30), observed('B', 10, 25)]);
    expect(await zombie.process(await policyStates(log))).toBe('committed');
    expect(await heir.process(await policyStates(log))).toBe('conflict');
    expect(await history(database)).toHaveLength(5);
  });

  it('of which one is paused inside its transaction: the server ends it, and the other goes on', async () => {
    const { database, log, url } = await baldeDatabase();
    await publish(log, [observed('A', 0, 50), observed('B', 0, 15)]);
    const own = openDatabase({ url, settings: { idle_in_transaction_session_timeout: '300ms' } });
    const paused = gate();
    const zombie = states(own, {
      effects: (real) => ({
        ...real,
        write: async (tx, out) => {
          const left = (await real.write?.(tx, out)) ?? 0;
          await paused.pass();
          return left;
        },
      }),
    });
    const heir = states(database);
    await takeAll(zombie);
    await takeAll(heir);
    const messages = await policyStates(log);
    const late = zombie.process(messages);
    await paused.reached;
    expect(await heir.process(messages)).toBe('committed');
    paused.open();
    await expect(late).rejects.toThrow(DatabaseUnavailableError);
    expect(await zombie.process(messages)).toBe('conflict');
    expect(await history(database)).toHaveLength(2);
    await own.close();
  });

  it('that take turns never fold on a state the other has left behind', async () => {
    const { database, log } = await baldeDatabase();
    const pairs = [
      [states(database), states(database)],
      [alerting(database), alerting(database)],
    ] as const;
    for (const pair of pairs) for (const instance of pair) await takeAll(instance);
    for (let turn = 0; turn < 8; turn += 1) {
      await publish(log, [
        observed('A', turn * 5, turn % 3 === 0 ? 50 : 15 - turn),
        observed('B', turn * 5, 90 - turn),
      ]);
      const messages = await policyStates(log);
      for (const pair of pairs) {
        const instance = pair[turn % 2 === 0 ? 0 : 1];
        if ((await instance.process(messages)) === 'committed') continue;
        await takeAll(instance);
        expect(await instance.process(messages)).toBe('committed');
      }
    }
    expect(await everything(database)).toEqual(await foldedAlone(log));
  });

  it('that work on the same messages at once: each message takes effect once, whoever wins which turn', async () => {
    const { database, log } = await baldeDatabase();
    await publish(
      log,
      Array.from({ length: 120 }, (_, i) => observed(`P${i % 6}`, Math.floor(i / 6) * 5, (i * 37) % 100)),
    );
    const messages = await policyStates(log);
    const work = async (fold: ReturnType<typeof states> | ReturnType<typeof alerting>, size: number) => {
      await takeAll(fold);
      for (let at = 0; at < messages.length;) {
        if ((await fold.process(messages.slice(at, at + size))) === 'committed') at += size;
        else await takeAll(fold);
      }
    };
    await Promise.all([work(states(database), 7), work(states(database), 10), work(states(database), 13)]);
    await Promise.all([work(alerting(database), 7), work(alerting(database), 10)]);
    const raced = await everything(database);

    expect(raced).toEqual(await foldedAlone(log));
  });
});

/** What one instance alone makes of the same log, in one batch. */
async function foldedAlone(log: EventLog): Promise<Record<string, unknown>> {
  const { database } = await baldeDatabase();
  for (const fold of [states(database), alerting(database)]) {
    await takeAll(fold);
    await fold.process(await policyStates(log));
  }
  return await everything(database);
}
