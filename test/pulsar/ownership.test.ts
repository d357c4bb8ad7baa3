import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { applyMark } from '../../src/codec/namespaceMark.ts';
import type { MarkEvent } from '../../src/codec/namespaceMark.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { TOPICS } from '../../src/topology/folds.ts';
import { markIfAny } from '../../src/app/ownership.ts';
import { openForReading, openStorage } from '../../src/app/storage.ts';
import type { Storage, StorageOptions } from '../../src/app/storage.ts';
import { openDatabase } from '../../src/store/database.ts';
import { readInstallation } from '../../src/store/installation.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { administrator, settingsOf } from './given.ts';

const made: string[] = [];
const server = openDatabase({ url: inject('postgresUrl'), poolSize: 1 });
afterAll(async () => {
  for (const name of made) await server.execute(`drop database if exists ${name} with (force)`);
  await server.close();
});

/** An empty database, or a copy of another that nobody uses: what a backup is once it is restored. */
async function newDatabase(original?: string): Promise<string> {
  const name = `owner_${randomUUID().replaceAll('-', '')}`;
  const template = original === undefined ? '' : ` template ${new URL(original).pathname.slice(1)}`;
  await eventually('a copy', async () =>
    server.execute(`create database ${name}${template}`).then(
      () => true,
      () => false,
    ),
  );
  made.push(name);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

const namespace = (): PulsarSettings => {
  const { url: serviceUrl, adminUrl } = pulsarBroker();
  return settingsOf({ serviceUrl, adminUrl });
};

const opened: Storage[] = [];
afterAll(async () => {
  for (const storage of opened) await storage.close();
});

async function open(databaseUrl: string, pulsar: PulsarSettings, options: StorageOptions = {}): Promise<Storage> {
  const storage = await openStorage({ databaseUrl, dataDir: '/nonexistent', pulsar }, options);
  opened.push(storage);
  return storage;
}

const failure = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => 'it succeeded',
    (error: unknown) => String(error),
  );

describePulsar('[PUL-20] the topics of a namespace', () => {
  it('belong to the database that was there first; another one is refused before it changes any of them', async () => {
    const settings = namespace();
    const first = await open(await newDatabase(), settings);
    const admin = administrator(settings.adminUrl);
    const retention = async (): Promise<string> =>
      await admin('GET', `persistent/${settings.tenant}/${settings.namespace}/${POLICY_STATES.name}/retention`);
    const before = await retention();
    const second = await newDatabase();
    const where = { databaseUrl: second, dataDir: '/nonexistent', pulsar: settings, retentionMonths: 1 };
    const said = await failure(openStorage(where));
    const { id } = await readInstallation(first.database);
    expect(said).toContain(`${settings.namespace} belongs to another database: Postgres at`);
    expect(said).toContain(new URL(second).host);
    expect(said).toContain(`installation ${id}`);
    expect(said).toMatch(/balde namespace take-over --yes/);
    expect(await retention()).toBe(before);
    // The owner goes on as before, in as many processes as it likes.
    await first.assertOwned?.();
    await open(opened.length > 0 ? urlOf(first) : '', settings);
  }, 120_000);

  it('get their mark from the first start after an upgrade', async () => {
    const settings = namespace();
    const log = new PulsarLog(settings);
    for (const topic of TOPICS) await log.ensureTopic(topic);
    expect(await markIfAny(log)).toBeNull();
    const storage = await open(await newDatabase(), settings);
    const { id } = await readInstallation(storage.database);
    expect((await markIfAny(log))?.installation).toBe(id);
    await log.close();
  }, 120_000);

  it('are one’s of two databases that start at the same moment', async () => {
    const settings = namespace();
    const both = await Promise.allSettled([open(await newDatabase(), settings), open(await newDatabase(), settings)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [refused] = both.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    expect(refused).toContain('belongs to another database');
  }, 120_000);

  it('stay a restored database’s, and are not shared with a copy beside the one that runs', async () => {
    const settings = namespace();
    const original = await newDatabase();
    await (await open(original, settings)).close();
    const copy = await newDatabase(original);
    const running = await open(original, settings);
    const poller = await running.log.producer(POLICY_STATES.name, {
      ...{ name: 'poller-12345678', access: 'exclusive' as const },
      signal: new AbortController().signal,
    });
    expect(await failure(open(copy, settings))).toMatch(
      /another copy of this database .* is at work .*: poller-12345678 connected/,
    );
    await poller.close();
    const restored = await eventually('the restored one', async () => open(copy, settings).catch(() => null), 60_000);
    await restored.assertOwned?.();
    // What still runs on the first copy learns that it is not the one any more.
    expect(await failure(running.assertOwned?.() ?? Promise.resolve())).toMatch(
      /another copy of this database .* goes on with namespace/,
    );
  }, 120_000);

  it('are handed over on purpose; what runs on the former owner ends with a message, by itself', async () => {
    const settings = namespace();
    const former = await open(await newDatabase(), settings);
    const watching = failure(former.watch?.(AbortSignal.timeout(120_000)) ?? Promise.resolve());
    const next = await open(await newDatabase(), settings, { takesOver: true });
    await next.assertOwned?.();
    expect(await watching).toContain('belongs to another database');
    expect(await failure(former.assertOwned?.() ?? Promise.resolve())).toContain('belongs to another database');
    expect(await failure(open(urlOf(former), settings))).toContain('belongs to another database');
  }, 150_000);

  it('are not read by a database that goes on with another namespace', async () => {
    const [own, other] = [namespace(), namespace()];
    const storage = await open(await newDatabase(), own);
    const said = `goes on with namespace ${own.tenant}/${own.namespace}, not with ${other.tenant}/${other.namespace}`;
    expect(await failure(open(urlOf(storage), other))).toContain(said);
    // Also where it would only be compared.
    const claimed = await open(await newDatabase(), other);
    const reading = await openForReading({ databaseUrl: urlOf(storage), dataDir: '', pulsar: other });
    opened.push(reading);
    expect(await failure(reading.assertOwned?.() ?? Promise.resolve())).toContain('belongs to another database');
    await claimed.assertOwned?.();
  }, 120_000);
});

const urlOf = ({ databaseOptions: { url } }: Storage): string => (typeof url === 'string' ? url : '');

describe('[PUL-20] whose a namespace is', () => {
  const event = (type: MarkEvent['type'], installation: string, place = 'a'): MarkEvent => ({
    ...{ type, installation, place, mark: `mark of ${installation}`, description: '', at: 0 },
  });
  const owner = (...events: readonly MarkEvent[]) =>
    events.reduce<ReturnType<typeof applyMark> | null>(applyMark, null);

  it.each([
    ['the first that claims it', [event('claim', 'A'), event('claim', 'B')], 'A', 'a'],
    ['whoever a person gave it to', [event('claim', 'A'), event('takeOver', 'B')], 'B', 'a'],
    ['nobody’s who only moved', [event('claim', 'A'), event('moved', 'B', 'b')], 'A', 'a'],
    ['its owner’s at another place', [event('claim', 'A'), event('moved', 'A', 'b')], 'A', 'b'],
    ['the last one’s of several hands', [event('takeOver', 'B'), event('takeOver', 'A')], 'A', 'a'],
  ])('is told by the order of its marks: %s', (_, events, installation, place) => {
    expect(owner(...events)).toMatchObject({ installation, place });
    expect(owner(...events)?.mark).toBe(events[0]?.mark);
  });
});
