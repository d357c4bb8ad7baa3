/**
 * Where the policies of topics lie, as the broker tells it: brokers with apache/pulsar#25954 repeat what has its own.
 */
import { expect, it } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { administrator, settingsOf } from './given.ts';

interface Policies {
  readonly deduplication: unknown;
  /** Whether the broker removes it when nobody has used it for a while, in force. */
  readonly isRemoved: unknown;
  readonly retention: unknown;
  readonly partitions: readonly unknown[];
}

describePulsar('policies of topics', () => {
  it.each([
    ['that Balde makes: on it, and on topics what differs', false],
    ['that was there before: on each topic', true],
  ] as const)('in a namespace %s [PUL-22]', async (_, isForeign) => {
    const { url: serviceUrl, adminUrl } = pulsarBroker();
    const settings = settingsOf({ serviceUrl, adminUrl });
    const admin = administrator(adminUrl);
    const path = `${settings.tenant}/${settings.namespace}`;
    const json = async (at: string): Promise<unknown> => {
      const text = await admin('GET', at);
      return text === '' ? null : (JSON.parse(text) as unknown);
    };
    const policiesOf = async (topic: string): Promise<Policies> => ({
      deduplication: await json(`persistent/${path}/${topic}/deduplicationEnabled`),
      isRemoved: (
        (await json(`persistent/${path}/${topic}/inactiveTopicPolicies?applied=true`)) as {
          deleteWhileInactive: boolean;
        }
      ).deleteWhileInactive,
      retention: await json(`persistent/${path}/${topic}/retention`),
      partitions: await Promise.all(
        [0, 1, 2, 3].map(async (i) => {
          const stats = await json(`persistent/${path}/${topic}-partition-${i}/stats`);
          return (stats as { deduplicationStatus: string }).deduplicationStatus;
        }),
      ),
    });
    if (isForeign) {
      await admin('PUT', `tenants/${settings.tenant}`, { allowedClusters: ['standalone'] });
      await admin('PUT', `namespaces/${path}`);
    }

    const log = new PulsarLog(settings);
    for (const topic of TOPICS) await log.ensureTopic(topic);
    await log.close();

    const of = (minutes: number) => ({ retentionTimeInMinutes: minutes, retentionSizeInMB: -1 });
    const partitions = ['Enabled', 'Enabled', 'Enabled', 'Enabled'];
    const deduplication = isForeign ? true : null;
    expect(await json(`namespaces/${path}/deduplication`)).toBe(isForeign ? null : true);
    expect(await json(`namespaces/${path}/retention`)).toEqual(isForeign ? null : of(-1));
    const inactive = await json(`namespaces/${path}/inactiveTopicPolicies`);
    expect(inactive).toEqual(isForeign ? null : expect.objectContaining({ deleteWhileInactive: false }));
    expect(await policiesOf(RATE_LIMIT_ALERTS.name)).toEqual({
      ...{ deduplication, partitions, isRemoved: false, retention: isForeign ? of(-1) : null },
    });
    expect(await policiesOf(POLICY_STATES.name)).toEqual({
      ...{ deduplication, partitions, isRemoved: false, retention: of((13 + 2) * 31 * 1_440) },
    });
  });
});
