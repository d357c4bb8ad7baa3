/** The same rows from every source: the log, Avro files, EventStoreDB, Pulsar. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { plainCluster } from '../../src/log/pulsar/settings.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { archiveAll } from '../../src/app/archiveRole.ts';
import { openArchiveSource } from '../../src/app/archives.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import type { EventSource } from '../../src/rebuild/source.ts';
import { ArchiveDamagedError } from '../../src/rebuild/source.ts';
import type { Database } from '../../src/store/database.ts';
import { hashStates } from '../../src/store/hash.ts';
import { listVersions } from '../../src/store/versions.ts';
import { openEventStore } from '../archive/eventStoreServer.ts';
import { history, live, never, rebuilt, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { pulsarBroker } from '../support/pulsar.ts';
import { describePulsar } from '../support/pulsarSuites.ts';

const OBSERVER = { archived: () => undefined, retrying: () => undefined };

describe('a rebuild from an archive', () => {
  let database: Database;
  let log: EventLog;
  let folder: string;
  let config: { readonly archive: { readonly dir: string; readonly eventStoreUrl: string } };
  let server: Awaited<ReturnType<typeof openEventStore>>;
  let expected: string;

  beforeAll(async () => {
    ({ database, log } = await baldeDatabase());
    folder = await mkdtemp(join(tmpdir(), 'balde-archive-'));
    server = await openEventStore();
    config = { archive: { dir: folder, eventStoreUrl: server.url } };
    await publish(log, untidy(history(40)));
    await archiveAll({ config, log, observer: OBSERVER, untilEnd: true }, never());
    // What came after the archive ended is read from the log.
    await publish(log, history(42).slice(-2 * 24 * 5));
    await live(database, log, 'states');
    expected = await hashStates(database, 'states_v1');
  }, 120_000);
  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(['files', 'eventstore'] as const)('(%s) gives the same rows [REBUILD-1]', async (name) => {
    const source: EventSource = await openArchiveSource(name, config);
    const report = await rebuilt(database, log, 'states', { source });
    await source.close();
    expect(report.fill.events).toBeGreaterThan(4_500);
    expect(report.caughtUp).toBeGreaterThanOrEqual(200);
    expect(report.comparison?.differences).toEqual([]);
    expect(await hashStates(database, `states_v${report.version}`)).toBe(expected);
  });

  it('that is damaged names the file and the place, and puts nothing in service', async () => {
    const before = (await listVersions(database, 'states')).find(({ served }) => served)?.version;
    const topic = join(folder, 'policy-states');
    const names = await readdir(topic, { recursive: true });
    const [first = ''] = names.filter((name) => /\.avro(\.part)?$/.test(name)).sort();
    const file = join(topic, first);
    await truncate(file, (await stat(file)).size - 100);
    const source = await openArchiveSource('files', config);
    const failed = await rebuilt(database, log, 'states', { source }).catch((error: unknown) => error);
    await source.close();
    expect(failed).toBeInstanceOf(ArchiveDamagedError);
    expect(String(failed)).toContain(basename(first));
    expect((await listVersions(database, 'states')).find(({ served }) => served)?.version).toBe(before);
  });
});

describePulsar('a rebuild from Pulsar', () => {
  it('gives the rows that the embedded log gives [REBUILD-1]', { timeout: 180_000 }, async () => {
    const events = untidy(history(30));
    const embedded = await baldeDatabase();
    await publish(embedded.log, events);
    await live(embedded.database, embedded.log, 'states');
    await rebuilt(embedded.database, embedded.log, 'states');

    const { database } = await baldeDatabase();
    const log = new PulsarLog(
      plainCluster({ serviceUrl: pulsarBroker().url, adminUrl: pulsarBroker().adminUrl }, `rebuild-${randomUUID()}`),
    );
    try {
      for (const topic of TOPICS) await log.ensureTopic(topic);
      await publish(log, events);
      await live(database, log, 'states');
      const { comparison, fill } = await rebuilt(database, log, 'states');
      expect(fill.events).toBeGreaterThan(3_500);
      expect(comparison?.differences).toEqual([]);
      expect(await hashStates(database, 'states_v2')).toBe(await hashStates(embedded.database, 'states_v2'));
    } finally {
      await log.close();
    }
  });
});
