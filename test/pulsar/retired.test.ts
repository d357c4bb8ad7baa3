/** Policies that DICT lists no longer, on Pulsar: the real poller, the folds and the relay. */
import { afterAll, expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS, POLICY_STATES } from '../../src/codec/topics.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import { observedPolicies } from '../../src/views/latest.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { foldAll } from '../cli/seed.ts';
import { PARTICIPANT, polled, reading } from '../app/polled.ts';
import { expectDatabaseEqualsOracle } from '../oracle/compare.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { rebuilt } from '../support/rebuilds.ts';
import { baldeDatabase } from '../support/database.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { environmentOf, settingsOf } from './given.ts';

describePulsar('a policy that DICT lists no longer, on Pulsar [RETIRE-1, RETIRE-2, RETIRE-3]', () => {
  const { url: serviceUrl, adminUrl } = pulsarBroker();
  const settings = settingsOf({ serviceUrl, adminUrl });
  const log = new PulsarLog(settings);
  afterAll(async () => await log.close());

  const typesOf = async (topic: string): Promise<string[]> =>
    (await readTopicOnce(log, topic)).map(
      ({ key, properties }) => `${key.split(':')[1] ?? ''} ${properties['event_type'] ?? ''}`,
    );

  it('is retired after three lists, its alert is resolved on the topic, and it comes back; the rest a person retires', async () => {
    const { database, url } = await baldeDatabase();
    for (const topic of TOPICS) await log.ensureTopic(topic);
    const [A, B] = [reading('A', 50), reading('B', 5)];
    const latest = async (): Promise<string[]> =>
      (await observedPolicies(database, PARTICIPANT)).map(({ policy }) => policy).sort();
    const reasons = async (): Promise<unknown[]> =>
      (
        await database.query<{ reason: string | null }>(
          `select resolution_reason as reason from dict_rate_limit_alerts where endpoint_id = 'B' order by created_at`,
        )
      ).map(({ reason }) => reason);

    await polled({ database, log }, [[A, B], [A]], 6);
    await foldAll(database, log);
    const observations = await typesOf(POLICY_STATES.name);
    expect(observations.filter((type) => type.endsWith('PolicyRetired'))).toEqual(['B PolicyRetired']);
    expect(await latest()).toEqual(['A']);
    expect(await reasons()).toEqual(['RETIRED']);
    expect(await typesOf(RATE_LIMIT_ALERTS.name)).toHaveLength(2);

    await polled({ database, log }, [[A, B]], 2);
    await foldAll(database, log);
    expect(await latest()).toEqual(['A', 'B']);
    expect(await reasons()).toEqual(['RETIRED', null]);

    const environment = { DATABASE_URL: url, ...environmentOf(settings) };
    const retire = ['policies', 'retire', '--participant', PARTICIPANT, '--json', '--yes'];
    const ended = await balde(retire, environment);
    expect([ended.code, jsonOf(ended)]).toEqual([0, { retired: ['A', 'B'] }]);
    await foldAll(database, log);
    expect(await latest()).toEqual([]);
    expect(await reasons()).toEqual(['RETIRED', 'RETIRED']);
    await expectDatabaseEqualsOracle(database, log);
    for (const what of ['states', 'alerts'] as const) {
      const { comparison } = await rebuilt(database, log, what, { cutOver: false });
      expect([comparison?.differences, comparison?.apart]).toEqual([[], []]);
    }
  }, 180_000);
});
