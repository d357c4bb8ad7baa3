/** Commands that write to topics, or into tables what topics say, ask first whose the namespace is. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { openStorage } from '../../src/app/storage.ts';
import type { Storage } from '../../src/app/storage.ts';
import { balde } from '../cli/balde.ts';
import { observed } from '../support/observations.ts';
import { live } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { environmentOf, settingsOf } from './given.ts';

const COMMANDS: Readonly<Record<string, string>> = {
  'policies retire': '--participant 12345678 --yes',
  'dead-letters retry': '--all',
  'dead-letters drop': '--all --yes',
  'checkpoints reset': `--topic ${POLICY_STATES.name} --yes`,
  'retention run': '--yes',
  'archive run': '--until-end',
  rebuild: 'states',
  'rebuild states': '--from file',
  'rebuild alerts': '--no-cut-over',
  verify: 'states',
  'projections cut-over': 'states 2',
  'projections rollback': 'states',
  migrate: '',
  'migrate --partitions': '8 --force',
  'start --roles': 'poller',
};

describePulsar('[PUL-21] of a namespace that is another database’s', () => {
  const { url: serviceUrl, adminUrl } = pulsarBroker();
  const settings = settingsOf({ serviceUrl, adminUrl });
  let owner: Storage;
  let stranger: Awaited<ReturnType<typeof baldeDatabase>>;

  beforeAll(async () => {
    const { url } = await emptyDatabase();
    owner = await openStorage({ databaseUrl: url, dataDir: '/nonexistent', pulsar: settings });
    await publish(owner.log, [observed('KEYS_CHECK', 0, 50)]);
    stranger = await baldeDatabase();
    await publish(stranger.log, [observed('KEYS_CHECK', 0, 50)]);
    await live(stranger.database, stranger.log, 'states');
  }, 120_000);
  afterAll(async () => await owner.close());

  const everything = async (): Promise<unknown> => [
    await owner.log.ends(POLICY_STATES.name),
    await stranger.database.query('select fold, version, partition, position from balde.checkpoint order by 1, 2, 3'),
    await stranger.database.query('select name, version, served from balde.projection order by 1, 2'),
  ];

  it.each(Object.entries(COMMANDS))(
    'nothing is changed by balde %s',
    async (command, rest) => {
      const before = await everything();
      const ended = await balde([...command.split(' '), ...rest.split(' ').filter((word) => word !== '')], {
        ...environmentOf(settings),
        DATABASE_URL: stranger.url,
        ARCHIVE_DIR: '/nonexistent/archive',
        BRIDGE_ADDRESS: '127.0.0.1:1',
        PARTICIPANT: '12345678',
        HTTP_PORT: '0',
      });
      expect(ended.stderr).toContain(`${settings.namespace} belongs to another database`);
      expect(ended.code).toBe(1);
      expect(await everything()).toEqual(before);
    },
    60_000,
  );
});
