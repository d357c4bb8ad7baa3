import { describe, expect, it } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { dropLetters, findLetters, letters } from '../../src/operate/deadLetters.ts';
import type { LetterStorage } from '../../src/operate/deadLetters.ts';
import { RETRY_PRODUCER, retryLetters } from '../../src/operate/retryLetters.ts';
import { UsageError } from '../../src/errors.ts';
import type { Database } from '../../src/store/database.ts';
import { allLetters, collect, junk, settle, STATES_DLQ } from '../support/deadLetters.ts';
import { observed, outgoing } from '../support/observations.ts';
import { patience, readAll, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { FOLDS } from '../../src/topology/folds.ts';

/** The processors that read the observations. */
const READERS = FOLDS.filter(({ topic }) => topic === POLICY_STATES.name).map(({ name }) => name);

/** An observation that raises an alert and that the states projection is kept from storing. */
async function given() {
  const { database, log } = await baldeDatabase();
  await database.execute(`alter table states_v1.latest add constraint cause check (available_tokens <> 13)`);
  await publish(log, [outgoing(observed('A', 0, 50)), outgoing(observed('A', 5, 13))]);
  await settle(database, log);
  const causeGone = async (): Promise<number> =>
    await database.execute('alter table states_v1.latest drop constraint cause');
  return { database, log, causeGone };
}

const retryAll = async (storage: LetterStorage) => {
  const signal = patience();
  return await collect(retryLetters(storage, letters(storage, { signal }), signal));
};

const tokens = async (database: Database): Promise<number[]> =>
  (
    await database.query<{ n: number }>(
      `select available_tokens as n from dict_rate_limit_states order by response_time`,
    )
  ).map(({ n }) => n);

const standing = async (storage: LetterStorage) =>
  (await allLetters(storage)).map(({ id, handled }) => [id, handled?.action ?? 'open']);

const sizeOf = async (log: EventLog, topic: string): Promise<number> => (await readAll(log, topic)).length;

describe('a retry [DLQ-2]', () => {
  it('once the cause is gone brings the message to its processor; the others see no difference', async () => {
    const { database, log, causeGone } = await given();
    expect(await tokens(database)).toEqual([50]);
    const [source] = (await readAll(log, POLICY_STATES.name)).slice(-1);
    const alerts = await readAll(log, RATE_LIMIT_ALERTS.name);
    await causeGone();
    expect(await retryAll({ database, log })).toMatchObject([
      { letter: { id: `${STATES_DLQ}:0:1` }, outcome: 'done', handled: null },
    ]);
    const { topic: _, position: _before, ...message } = source ?? {};
    const again = (await readAll(log, POLICY_STATES.name)).at(-1);
    expect(again).toMatchObject(message);
    expect(again?.position).not.toBe(source?.position);
    await settle(database, log);
    expect(await tokens(database)).toEqual([50, 13]);
    expect(await readAll(log, RATE_LIMIT_ALERTS.name)).toEqual(alerts);
    expect(await standing({ database, log })).toEqual([[`${STATES_DLQ}:0:1`, 'retried']]);
    expect(await retryAll({ database, log })).toEqual([]);
  });

  it('while the cause lasts ends as a new letter', async () => {
    const { database, log } = await given();
    await retryAll({ database, log });
    await settle(database, log);
    expect(await standing({ database, log })).toEqual([
      [`${STATES_DLQ}:0:1`, 'retried'],
      [`${STATES_DLQ}:0:2`, 'open'],
    ]);
  });

  it('that crashes between publishing and marking at worst repeats itself, with no effect', async () => {
    const { database, log, causeGone } = await given();
    await causeGone();
    const dying: Database = {
      ...database,
      execute: async (text, parameters) => {
        if (text.includes('dead_letter_handled')) throw new Error('killed');
        return await database.execute(text, parameters);
      },
    };
    await expect(retryAll({ database: dying, log })).rejects.toThrow('killed');
    expect(await sizeOf(log, POLICY_STATES.name)).toBe(3);
    expect(await standing({ database, log })).toEqual([[`${STATES_DLQ}:0:1`, 'open']]);
    await settle(database, log);
    const alerts = await readAll(log, RATE_LIMIT_ALERTS.name);
    expect(await retryAll({ database, log })).toMatchObject([{ outcome: 'done' }]);
    expect(await sizeOf(log, POLICY_STATES.name)).toBe(4);
    await settle(database, log);
    expect(await tokens(database)).toEqual([50, 13]);
    expect(await readAll(log, RATE_LIMIT_ALERTS.name)).toEqual(alerts);
    expect(await standing({ database, log })).toEqual([[`${STATES_DLQ}:0:1`, 'retried']]);
  });

  it('gives key, payload, properties and time back as they came, also those named like Balde’s own', async () => {
    const { database, log } = await baldeDatabase();
    const bad = junk('bad', { properties: { reason: 'r', original_reason: 'o', source_topic: 't', x: '' } });
    await publish(log, [bad]);
    await settle(database, log);
    await retryAll({ database, log });
    const [first, again, ...more] = await readAll(log, POLICY_STATES.name);
    expect(more).toEqual([]);
    expect(again).toEqual({ ...first, position: again?.position });
    expect(again?.properties).toEqual(bad.properties);
  });

  it('of a message that several processors set aside publishes it once, and marks all letters', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [junk('a'), junk('b')]);
    await settle(database, log);
    expect(await standing({ database, log })).toHaveLength(2 * READERS.length);
    const outcomes = await retryAll({ database, log });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 2 * READERS.length }, () => 'done'));
    expect(await sizeOf(log, POLICY_STATES.name)).toBe(4);
    expect((await standing({ database, log })).map(([, action]) => action)).toEqual(
      Array.from({ length: 2 * READERS.length }, () => 'retried'),
    );
  });

  it('does not pick up the letters that it causes itself', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [junk('a')]);
    await settle(database, log);
    const signal = patience();
    const batches = letters({ database, log }, { signal });
    const outcomes: string[] = [];
    for await (const { letter } of retryLetters({ database, log }, batches, signal)) {
      outcomes.push(letter.id);
      // The processors set the message aside again before the next topic is read.
      await settle(database, log);
    }
    expect(outcomes.toSorted()).toEqual(READERS.map((name) => `policy-states-${name}-DLQ:0:1`).toSorted());
  });

  it('has its producer for itself: a second one is told to wait', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [junk('a')]);
    await settle(database, log);
    const own = { name: RETRY_PRODUCER, access: 'exclusive', signal: patience() } as const;
    const other = await log.producer(POLICY_STATES.name, own);
    await expect(retryAll({ database, log })).rejects.toThrow(UsageError);
    await expect(retryAll({ database, log })).rejects.toThrow(/another retry .* wait until it is done/);
    await other.close();
    expect(await retryAll({ database, log })).toHaveLength(READERS.length);
  });

  it('numbers its messages above those of earlier ones', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [junk('a'), junk('b'), junk('c')]);
    await settle(database, log);
    const signal = patience();
    for (const n of [1, 2, 3]) {
      const chosen = await findLetters({ database, log }, [`${STATES_DLQ}:0:${n}`], signal);
      await collect(retryLetters({ database, log }, [chosen], signal));
      expect(await sizeOf(log, POLICY_STATES.name)).toBe(3 + n);
    }
  });
});

describe('what was said of a letter [DLQ-3]', () => {
  it('is heeded: a retried one is neither retried nor dropped again, a dropped one may be retried', async () => {
    const { database, log } = await baldeDatabase();
    const storage = { database, log };
    await publish(log, [junk('a'), junk('b')]);
    await settle(database, log);
    const signal = patience();
    const ids = [`${STATES_DLQ}:0:1`, `${STATES_DLQ}:0:2`];
    const chosen = async () => [await findLetters(storage, ids, signal)];
    const [first] = await findLetters(storage, ids.slice(0, 1), signal);
    const outcomes = async (act: typeof dropLetters | typeof retryLetters) =>
      (await collect(act(storage, await chosen(), signal))).map(({ outcome }) => outcome);
    await collect(dropLetters(storage, [[first].flatMap((letter) => letter ?? [])]));
    expect(await outcomes(dropLetters)).toEqual(['skipped', 'done']);
    expect(await outcomes(retryLetters)).toEqual(['done', 'done']);
    expect(await outcomes(retryLetters)).toEqual(['skipped', 'skipped']);
    expect(await outcomes(dropLetters)).toEqual(['skipped', 'skipped']);
    expect(await sizeOf(log, POLICY_STATES.name)).toBe(4);
  });

  it('meanwhile, by someone else, counts', async () => {
    const { database, log } = await baldeDatabase();
    const storage = { database, log };
    await publish(log, [junk('a')]);
    await settle(database, log);
    const signal = patience();
    const chosen = [await findLetters(storage, [`${STATES_DLQ}:0:1`], signal)];
    await collect(dropLetters(storage, chosen));
    expect(await collect(retryLetters(storage, chosen, signal))).toMatchObject([
      { outcome: 'skipped', handled: { action: 'dropped' } },
    ]);
  });

  it('leaves the letter on its topic', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [junk('a')]);
    await settle(database, log);
    await collect(dropLetters({ database, log }, letters({ database, log }, { signal: patience() })));
    expect(await allLetters({ database, log }, false)).toEqual([]);
    expect(await sizeOf(log, STATES_DLQ)).toBe(1);
  });
});
