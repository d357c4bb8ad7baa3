/** Policies that DICT lists no longer, from the poller's answers to tables, rebuilds and what-if; and by a person. */
import { describe, expect, it } from 'vitest';
import { whatIf } from '../../src/analysis/whatIf.ts';
import { listBuckets } from '../../src/views/buckets.ts';
import { stateAt } from '../../src/views/stateAt.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { listPolicies, retirable, retirePolicies } from '../../src/operate/policies.ts';
import { observedPolicies } from '../../src/views/latest.ts';
import { recentReadings } from '../../src/views/recent.ts';
import { countLog, verifyReadModel } from '../../src/operate/verify.ts';
import { startPoll } from '../../src/poll/bridgePoll.ts';
import { publishRetirements } from '../../src/poll/retire.ts';
import { retirementOf } from '../../src/poll/roll.ts';
import type { Database } from '../../src/store/database.ts';
import { foldAll } from '../cli/seed.ts';
import { rebuilt } from '../support/rebuilds.ts';
import { never } from '../support/topics.ts';
import { expectDatabaseEqualsOracle } from '../oracle/compare.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { PARTICIPANT, polled, reading } from './polled.ts';

const typesOf = async (log: EventLog): Promise<string[]> =>
  (await readTopicOnce(log, POLICY_STATES.name)).map(
    ({ key, properties }) => `${key.split(':')[1] ?? ''} ${properties['event_type'] ?? ''}`,
  );

const retiredOnly = (types: readonly string[]): string[] => types.filter((type) => type.endsWith('PolicyRetired'));

const alerts = async (database: Database) =>
  await database.query<{ policy: string; reason: string | null }>(
    `select endpoint_id as policy, resolution_reason as reason from dict_rate_limit_alerts order by created_at, 1`,
  );
const latest = async (database: Database): Promise<string[]> =>
  (await observedPolicies(database, PARTICIPANT)).map(({ policy }) => policy).sort();

/** Rebuilt, counted, hashed, asked what if: all of them say what is in the tables. */
async function expectAgreement(database: Database, log: EventLog): Promise<void> {
  await expectDatabaseEqualsOracle(database, log);
  for (const what of ['states', 'alerts'] as const) {
    const { comparison } = await rebuilt(database, log, what, { cutOver: false });
    expect([comparison?.differences, comparison?.apart]).toEqual([[], []]);
  }
  const counted = countLog('states');
  const storage = { database, log, logDescription: 'the log' };
  const { counts } = await verifyReadModel({
    ...{ storage, what: 'states', against: null, counted, now: Date.now(), signal: never },
  });
  expect(counts?.differences).toEqual([]);
  const report = await whatIf(database, {
    ...{ buckets: await listBuckets(database), rules: DEFAULT_RULES, against: null, signal: never },
    ...{ to: Infinity, onProgress: () => undefined },
  });
  expect(JSON.stringify(report)).toContain('"added":[]');
  expect(JSON.stringify(report)).not.toMatch(/"changes":\["/);
}

describe('a policy that DICT lists no longer [RETIRE-1, RETIRE-2]', () => {
  it('is retired by the poller after three lists, its alert ends, and it comes back with an observation; a poller that begins is told of it all [POLL-11]', async () => {
    const { database, log } = await baldeDatabase();
    const [A, B] = [reading('A', 50), reading('B', 5)];
    await polled({ database, log }, [[A, B], [A]], 6);
    expect(retiredOnly(await typesOf(log))).toEqual(['B PolicyRetired']);
    await foldAll(database, log);
    expect(await latest(database)).toEqual(['A']);
    const recent = await recentReadings(database, PARTICIPANT, 0);
    expect(recent.map(({ policy, availableTokens }) => `${policy} ${availableTokens}`).slice(0, 3)).toEqual([
      ...['A 50', 'B 5', 'A 50'],
    ]);
    expect(new Set(recent.slice(0, 3).map(({ pollId }) => pollId)).size).toBe(2);
    expect(await recentReadings(database, PARTICIPANT, Date.now() + 60_000)).toEqual([]);
    expect(await alerts(database)).toEqual([{ policy: 'B', reason: 'RETIRED' }]);
    expect((await stateAt(database, Date.now())).map((state) => state.endpoint_id)).toEqual(['A']);
    const [gone] = (await listPolicies(database)).filter(({ policy }) => policy === 'B');
    expect(gone?.retiredAt).toBeGreaterThan(gone?.responseTime ?? Infinity);
    await expectAgreement(database, log);

    await polled({ database, log }, [[A, B]], 2);
    await foldAll(database, log);
    expect(await latest(database)).toEqual(['A', 'B']);
    expect(await alerts(database)).toEqual([
      { policy: 'B', reason: 'RETIRED' },
      { policy: 'B', reason: null },
    ]);
    expect((await listPolicies(database)).map(({ retiredAt }) => retiredAt)).toEqual([null, null]);
    await expectAgreement(database, log);
  }, 120_000);

  it('is retired by a poller that never saw it itself', async () => {
    const { database, log } = await baldeDatabase();
    await polled({ database, log }, [[reading('A', 50), reading('B', 5)]], 1);
    await foldAll(database, log);
    await polled({ database, log }, [[reading('A', 50)]], 4);
    expect(retiredOnly(await typesOf(log))).toEqual(['B PolicyRetired']);
  });

  it('asked again, is published under the ids it had, and the ids of observations stay theirs [POLL-4]', async () => {
    const { log } = await baldeDatabase();
    const [at, poll] = [Date.now(), startPoll(PARTICIPANT, 1)];
    const known = { policy: 'B', availableTokens: 5, capacity: 9, refillTokens: 1, refillPeriodSec: 1 };
    const event = retirementOf(
      { ...known, category: null, responseTime: at - 1 },
      {
        participant: PARTICIPANT,
        responseTime: at,
        observedAt: at,
        pollId: poll.pollId,
        correlationId: null,
      },
    );
    const clock = { now: () => at, sleep: async () => Promise.resolve() };
    const deps = {
      log,
      topic: POLICY_STATES,
      clock,
      report: () => undefined,
      signal: never,
    };
    await publishRetirements(deps, poll, [event]);
    await publishRetirements(deps, poll, [event]);
    expect(await typesOf(log)).toEqual(['B PolicyRetired']);
    const { signal } = new AbortController();
    const poller = await log.producer(POLICY_STATES.name, {
      name: `poller-${PARTICIPANT}`,
      access: 'exclusive',
      signal,
    });
    expect(poller.lastSequenceId).toBe(-1);
    await poller.close();
  });
});

describe('policies retired by a person [RETIRE-3]', () => {
  it('of a participant without a poller: named first, their alerts end, once', async () => {
    const { database, log } = await baldeDatabase();
    await polled({ database, log }, [[reading('A', 50), reading('B', 5)]], 2);
    await foldAll(database, log);
    await expect(retirable(database, { participant: '99999999' })).rejects.toThrow(/never observed|no policy of/);
    await expect(retirable(database, { participant: PARTICIPANT, policy: 'C' })).rejects.toThrow(/no policy C/);
    const own = await retirable(database, { participant: PARTICIPANT });
    expect(own.map(({ policy }) => policy)).toEqual(['A', 'B']);
    await retirePolicies({ log }, PARTICIPANT, own, never);
    await foldAll(database, log);
    expect(await latest(database)).toEqual([]);
    expect(await alerts(database)).toEqual([{ policy: 'B', reason: 'RETIRED' }]);
    expect(await retirable(database, { participant: PARTICIPANT })).toEqual([]);
    const letters = (await readTopicOnce(log, RATE_LIMIT_ALERTS.name)).length;
    expect(letters).toBe(2);
    await expectDatabaseEqualsOracle(database, log);
  });
});
