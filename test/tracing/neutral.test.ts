/** Messages with a trace are what they would be without, for everything that reads, copies or compares them. */
import { describe, expect, test } from 'vitest';
import { openFilesSource } from '../../src/archive/files/filesSource.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { OutgoingMessage } from '../../src/log/eventLog.ts';
import { letters } from '../../src/operate/deadLetters.ts';
import { retryLetters } from '../../src/operate/retryLetters.ts';
import { hashAlerts, hashStates } from '../../src/store/hash.ts';
import { archiveFiles, inOrder, logMessages, newFolder, readSource } from '../archive/given.ts';
import { baldeDatabase } from '../support/database.ts';
import { allLetters, collect, junk, settle, STATES_DLQ } from '../support/deadLetters.ts';
import { observed, outgoing } from '../support/observations.ts';
import { everything } from '../support/processors.ts';
import { rebuilt } from '../support/rebuilds.ts';
import { patience, readAll, shared } from '../support/topics.ts';

const carried = (poll: number): Record<string, string> => ({
  traceparent: `00-${poll.toString(16).padStart(32, 'a')}-${poll.toString(16).padStart(16, 'b')}-01`,
  tracestate: 'vendor=value',
});

/** Polls up and down through both thresholds, and a message that nobody can use. */
function polls(isTraced: boolean): OutgoingMessage[] {
  const all = [90, 15, 5, 80, 12].map((tokens, n) =>
    ['A', 'B', 'C'].map((policy) => outgoing(observed(policy, n * 5, tokens))),
  );
  all.push([junk('no observation', { properties: { event_type: 'PolicyStateObserved', schema_version: '1' } })]);
  return all.flatMap((poll, n) =>
    poll.map((one, i) => ({
      ...one,
      sequenceId: n * 100 + i,
      properties: { ...one.properties, ...(isTraced ? carried(n + 1) : {}) },
    })),
  );
}

async function world(messages: readonly OutgoingMessage[]) {
  const { database, log } = await baldeDatabase();
  const send = async (some: readonly OutgoingMessage[]) => {
    const producer = await shared(log, POLICY_STATES.name, 'test');
    const result = await producer.send(some);
    await producer.close();
    return result;
  };
  await send(messages);
  await settle(database, log);
  return { database, log, send };
}

/** Letters name the moment at which they were set aside. */
const lettersOf = async ({ database, log }: Awaited<ReturnType<typeof world>>) =>
  (await allLetters({ database, log })).map(({ facts, ...letter }) => ({
    ...{ id: letter.id, topic: letter.topic, reason: facts.reason, original: facts.original },
  }));

describe('messages with a trace and without [TRACE-3]', () => {
  test('make the same tables, states, alerts and hashes; and are the same to be sent again', async () => {
    const [plain, traced] = [await world(polls(false)), await world(polls(true))];
    expect(await everything(traced.database)).toEqual(await everything(plain.database));
    expect(await hashStates(traced.database, 'states_v1')).toBe(await hashStates(plain.database, 'states_v1'));
    expect(await hashAlerts(traced.database, 'alerts_v1')).toBe(await hashAlerts(plain.database, 'alerts_v1'));
    const alerts = async ({ log }: typeof plain) => await logMessages(log, RATE_LIMIT_ALERTS.name);
    expect(await alerts(traced)).toEqual(await alerts(plain));
    expect((await alerts(traced)).length).toBeGreaterThan(8);
    const again = polls(false);
    expect(await traced.send(again)).toEqual({ stored: 0, duplicates: again.length });
    expect(await plain.send(polls(true))).toEqual({ stored: 0, duplicates: again.length });
  });

  test('are set aside alike, and sent again as they were', async () => {
    const [plain, traced] = [await world(polls(false)), await world(polls(true))];
    const without = await lettersOf(plain);
    expect(without.map(({ topic }) => topic)).toContain(STATES_DLQ);
    expect(await lettersOf(traced)).toEqual(
      without.map((letter) => ({ ...letter, original: { ...letter.original, ...carried(6) } })),
    );
    const storage = { database: traced.database, log: traced.log };
    const signal = patience();
    await collect(retryLetters(storage, letters(storage, { signal }), signal));
    const found = await readAll(traced.log, POLICY_STATES.name);
    const copies = found.filter(({ payload }) => payload.toString() === 'no observation');
    expect(new Set(copies.map(({ properties }) => properties['traceparent']))).toEqual(
      new Set([carried(6)['traceparent']]),
    );
  });

  test('are archived as they are, and rebuilt to the same', async () => {
    const { database, log } = await world(polls(true));
    const folder = await newFolder();
    await archiveFiles(log, folder);
    const archived = inOrder(await readSource(openFilesSource(folder), POLICY_STATES.name));
    expect(archived).toEqual(await logMessages(log, POLICY_STATES.name));
    expect(archived[0]?.properties['traceparent']).toMatch(/^00-a/);
    const report = await rebuilt(database, log, 'states');
    expect(report.comparison).toMatchObject({ differences: [], apart: [] });
  });
});
