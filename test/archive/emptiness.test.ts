/**
 * Where nothing has happened yet an archive is empty, not damaged, on either log and in either archive; and where
 * something did happen it is not taken for nothing.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import avro from 'avsc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYNC_BYTES } from '../../src/codec/containerFile.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS, REQUEST_OUTCOMES } from '../../src/codec/topics.ts';
import type { EventLog, OutgoingMessage } from '../../src/log/eventLog.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { plainCluster } from '../../src/log/pulsar/settings.ts';
import { archiveAll } from '../../src/app/archiveRole.ts';
import { archiveStandings, verifyArchive } from '../../src/operate/archive.ts';
import { openArchiveSource } from '../../src/app/archives.ts';
import type { Database } from '../../src/store/database.ts';
import { rebuilt } from '../support/rebuilds.ts';
import { patience, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { alertMessages, inOrder, logMessages, newFolder, poll, readSource, TOPICS } from './given.ts';
import { EventStoreDouble } from './eventStoreDouble.ts';

const STATES = POLICY_STATES.name;
const AT = Date.UTC(2026, 9, 20);
const OBSERVER = { archived: () => undefined, retrying: () => undefined };
/** Of the participant of the README alone: three of four partitions stay empty. */
const OWN = '12345678';
const ofOne = (at: number): OutgoingMessage[] => poll(at).filter(({ key }) => key.startsWith(`${OWN}:`));

interface World {
  readonly log: EventLog;
  /** The embedded log's topics keep the partitions they have. */
  readonly grow?: (partitions: number) => Promise<void>;
  readonly database: Database;
}
interface Given extends World {
  readonly folder: string;
}

/** What has happened before the archive is asked, and what becomes of its folder. */
interface Case {
  readonly name: string;
  readonly before?: (given: Given) => Promise<void>;
  readonly after?: (given: Given) => Promise<void>;
  /** The archive was never begun. */
  readonly unarchived?: true;
  readonly messages: number;
}

const partitionOfOne = async (log: EventLog): Promise<number> =>
  (await log.ends(STATES)).find(({ last }) => last !== null)?.partition ?? expect.fail('nothing was published');
const empty = async ({ log, folder }: Given): Promise<string> => {
  const other = ((await partitionOfOne(log)) + 1) % 4;
  return join(folder, STATES, String(other));
};

/** What a crash leaves that came after the description of a month and before its first message. */
async function beginMonth(
  place: string,
  month: string,
  { file, previous = null }: { readonly file?: string; readonly previous?: object | null } = {},
): Promise<void> {
  await mkdir(place, { recursive: true });
  const partition = Number(basename(place));
  const summary = {
    ...{ format: 1, topic: STATES, partition, month, sync: '0'.repeat(2 * SYNC_BYTES), length: 0 },
    ...{ sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', chunks: [] },
    ...{ events: 0, undecodable: 0, firstPosition: null, lastPosition: null, previous },
  };
  await writeFile(join(place, `${month}.json`), JSON.stringify(summary));
  if (file !== undefined) await writeFile(join(place, `${month}.avro.part`), file);
}

const CASES: readonly Case[] = [
  {
    name: 'no archive at all',
    unarchived: true,
    before: async ({ log }) => publish(log, ofOne(AT)),
    messages: 0,
  },
  { name: 'topics never written', messages: 0 },
  { name: 'one topic never written', before: async ({ log }) => publish(log, poll(AT)), messages: 12 },
  {
    name: 'empty partitions',
    before: async ({ log }) => {
      await publish(log, ofOne(AT));
      await publish(log, alertMessages('P1', AT), RATE_LIMIT_ALERTS.name);
    },
    messages: 3 + 2,
  },
  {
    name: 'folders of empty partitions that are not there',
    before: async ({ log }) => publish(log, ofOne(AT)),
    after: async ({ log, folder }) => {
      const own = await partitionOfOne(log);
      for (const name of await readdir(join(folder, STATES)))
        if (name !== String(own)) await rm(join(folder, STATES, name), { recursive: true });
      await rm(join(folder, RATE_LIMIT_ALERTS.name), { recursive: true, force: true });
    },
    messages: 3,
  },
  {
    name: 'folders of empty partitions that are there',
    before: async ({ log }) => publish(log, ofOne(AT)),
    after: async ({ folder }) => {
      for (const topic of TOPICS)
        for (const partition of ['0', '1', '2', '3']) await mkdir(join(folder, topic, partition), { recursive: true });
    },
    messages: 3,
  },
  {
    name: 'a month that was described and has no file',
    before: async ({ log }) => publish(log, ofOne(AT)),
    after: async (given) => beginMonth(await empty(given), '2026-10'),
    messages: 3,
  },
  {
    name: 'a month whose file is empty',
    before: async ({ log }) => publish(log, ofOne(AT)),
    after: async (given) => beginMonth(await empty(given), '2026-10', { file: '' }),
    messages: 3,
  },
  {
    name: 'a month of which no more than the header was written',
    before: async ({ log }) => publish(log, ofOne(AT)),
    after: async (given) => beginMonth(await empty(given), '2026-10', { file: 'Obj\u0001' }),
    messages: 3,
  },
  {
    name: 'an archive of before it noted what it had begun',
    before: async ({ log }) => publish(log, ofOne(AT)),
    after: async ({ folder }) => rm(join(folder, 'begun.json'), { force: true }),
    messages: 3,
  },
  {
    name: 'partitions added later',
    before: async ({ log, grow }) => {
      await publish(log, ofOne(AT));
      await grow?.(6);
    },
    messages: 3,
  },
];

const archiveNow = async (config: ArchiveConfig, log: EventLog): Promise<void> =>
  archiveAll({ config, log, observer: OBSERVER, untilEnd: true }, patience());
interface ArchiveConfig {
  readonly archive: { readonly dir: string; readonly eventStoreUrl: string };
}

/** What becomes of the archive's folder is the same on either log: one shows it. */
const ON_PULSAR = CASES.filter(({ after }) => after === undefined);

function emptinessCases(cases: readonly Case[], open: () => Promise<World>): void {
  const doubles: EventStoreDouble[] = [];
  afterAll(() => {
    for (const double of doubles) double.stop();
  });

  test.for(cases)('$name [ARC-8]', { timeout: 120_000 }, async ({ before, after, unarchived, messages }) => {
    const world = await open();
    const { log } = world;
    const double = await new EventStoreDouble().start();
    doubles.push(double);
    const folder = join(await newFolder(), 'archive');
    const config = { archive: { dir: folder, eventStoreUrl: double.url } };
    const given = { ...world, folder };
    await before?.(given);
    if (unarchived !== true) await archiveNow(config, log);
    await after?.(given);

    for (const target of ['files', 'eventstore'] as const) {
      const verified = await Promise.all(TOPICS.map(async (topic) => verifyArchive(target, topic, config, patience())));
      expect(verified.reduce((sum, { events }) => sum + events, 0)).toBe(messages);
    }
    const standings = await archiveStandings(config, log);
    for (const { target, events, last, files, bytes } of standings) {
      if (events > 0) continue;
      expect({ last, bytes: bytes ?? 0 }, target).toEqual({ last: null, bytes: 0 });
      expect(files.filter((name) => !name.endsWith('(open)'))).toEqual([]);
    }

    // An archive of nothing beside a log of nothing says nothing for a version.
    if (before === undefined) await expect(rebuildFrom(config, world)).rejects.toThrow(/nothing was compared/);
    else await rebuildFrom(config, world);
    // What comes now is archived as if nothing had been odd.
    await publish(log, poll(AT + 60_000));
    await archiveNow(config, log);
    for (const target of ['files', 'eventstore'] as const) {
      const source = await openArchiveSource(target, config);
      expect(inOrder(await readSource(source, STATES))).toEqual(await logMessages(log, STATES));
      await source.close();
    }
    await rebuildFrom(config, world);
  });

  async function rebuildFrom(config: ArchiveConfig, { log, database }: World): Promise<void> {
    const source = await openArchiveSource('files', config);
    const report = await rebuilt(database, log, 'states', { source, verify: true });
    await source.close();
    expect(report.comparison?.differences).toEqual([]);
  }

  describe('what is lost is told from what never was [ARC-5]', () => {
    let world: World;
    let intact: string;
    beforeAll(async () => {
      world = await open();
      intact = join(await newFolder(), 'archive');
      await publish(world.log, [...poll(Date.UTC(2026, 8, 20)), ...poll(AT)]);
      await archiveNow({ archive: { dir: intact, eventStoreUrl: await newStore() } }, world.log);
    });
    const newStore = async (): Promise<string> => {
      const double = await new EventStoreDouble().start();
      doubles.push(double);
      return double.url;
    };

    const LOSSES: readonly (readonly [string, (folder: string) => Promise<void>, RegExp])[] = [
      [
        'the folder of a partition',
        async (folder) => rm(join(folder, STATES, '2'), { recursive: true }),
        /policy-states\/2 is missing or empty.* messages up to 2026-10/,
      ],
      [
        'all partitions but one',
        async (folder) => {
          for (const partition of ['0', '1', '2']) await rm(join(folder, STATES, partition), { recursive: true });
        },
        /policy-states\/0 is missing or empty/,
      ],
      [
        'what was in the folder of the last partition',
        async (folder) => {
          for (const name of await readdir(join(folder, STATES, '3'))) await rm(join(folder, STATES, '3', name));
        },
        /policy-states\/3 is missing or empty/,
      ],
      [
        'the folder of the topic',
        async (folder) => rm(join(folder, STATES), { recursive: true }),
        /policy-states\/0 is missing or empty/,
      ],
      [
        'the newest month, with all that belongs to it',
        async (folder) => {
          for (const name of await readdir(join(folder, STATES, '1')))
            if (name.startsWith('2026-10')) await rm(join(folder, STATES, '1', name));
        },
        /policy-states\/1 ends with 2026-09, but 2026-10 was begun there/,
      ],
      [
        'what says which partitions there are',
        async (folder) => writeFile(join(folder, 'begun.json'), '{}'),
        /begun\.json is not what was written/,
      ],
    ];

    test.for(LOSSES)('%s', async ([, lose, message]) => {
      const folder = join(await newFolder(), 'copy');
      await cp(intact, folder, { recursive: true });
      await lose(folder);
      const config = { archive: { dir: folder, eventStoreUrl: await newStore() } };
      await expect(verifyArchive('files', STATES, config, patience())).rejects.toThrow(message);
      await expect(archiveStandings(config, world.log)).rejects.toThrow(message);
      await publish(world.log, poll(AT + 1));
      // Nothing is archived behind a hole.
      await expect(archiveNow(config, world.log)).rejects.toThrow(message);
    });

    test('the event log: where it is empty, and the archive is not, it is another one [ARC-2]', async () => {
      const other = await open();
      const config = { archive: { dir: intact, eventStoreUrl: await newStore() } };
      const signal = patience();
      const running = archiveAll({ config, log: other.log, observer: OBSERVER, untilEnd: false }, signal);
      running.catch(() => undefined);
      // On Pulsar a partition may also be empty because all of it was archived and trimmed: what comes next tells.
      if (other.log instanceof PulsarLog) await publish(other.log, poll(AT));
      await expect(running).rejects.toThrow(/no longer has the message|is another one/);
      expect(existsSync(join(intact, '.lock'))).toBe(false);
    });
  });
}

describe('an archive of the embedded log where nothing has happened yet', () => {
  emptinessCases(CASES, async () => await baldeDatabase());

  test('a month begun before a crash, whose messages went to the next one, is an Avro file too [ARC-1]', async () => {
    const { log } = await baldeDatabase();
    const folder = join(await newFolder(), 'archive');
    const config = { archive: { dir: folder, eventStoreUrl: 'esdb://127.0.0.1:1?tls=false' } };
    const only = { archive: { ...config.archive, eventStoreUrl: null } };
    await publish(log, ofOne(Date.UTC(2026, 7, 20)));
    await archiveAll({ config: only, log, observer: OBSERVER, untilEnd: true }, patience());
    const place = join(folder, STATES, String(await partitionOfOne(log)));
    const august = await readFile(join(place, '2026-08.json'), 'utf8');
    const { sha256, lastPosition } = JSON.parse(august) as { sha256: string; lastPosition: string };
    await writeFile(join(place, '2026-08.avro.sha256'), `${sha256}  2026-08.avro\n`);
    await rename(join(place, '2026-08.avro.part'), join(place, '2026-08.avro'));
    await beginMonth(place, '2026-09', { previous: { month: '2026-08', sha256, lastPosition } });
    await publish(log, ofOne(AT));
    await archiveAll({ config: only, log, observer: OBSERVER, untilEnd: true }, patience());

    const source = await openArchiveSource('files', only);
    expect(inOrder(await readSource(source, STATES))).toEqual(await logMessages(log, STATES));
    const records: unknown[] = [];
    for await (const record of avro.createFileDecoder(join(place, '2026-09.avro'))) records.push(record);
    expect(records).toEqual([]);
    expect(await readFile(join(place, '2026-10.json'), 'utf8')).toContain('"previous":{"month":"2026-08"');
  });
});

describePulsar('an archive of Pulsar where nothing has happened yet', () => {
  const logs: PulsarLog[] = [];
  afterAll(async () => {
    for (const log of logs) await log.close();
  });
  emptinessCases(ON_PULSAR, async () => {
    const { url, adminUrl } = pulsarBroker();
    const { database } = await baldeDatabase();
    const log = new PulsarLog(plainCluster({ serviceUrl: url, adminUrl }, `emptiness-${randomUUID()}`));
    logs.push(log);
    // Dead letters are not archived.
    for (const topic of [POLICY_STATES, RATE_LIMIT_ALERTS, REQUEST_OUTCOMES]) await log.ensureTopic(topic);
    return { log, database, grow: async (partitions) => log.addPartitions(STATES, partitions) };
  });
});
