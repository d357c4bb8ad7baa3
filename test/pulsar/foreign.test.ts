/**
 * Whatever a client of the protocol may send, in every place that handles a message: nothing ends, nothing is held up,
 * and the message is found in the dead letters and in the archive.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { archive } from '../../src/archive/archiver.ts';
import { toStore, fromStore } from '../../src/archive/eventstore/storedEvent.ts';
import { openFilesSource } from '../../src/archive/files/filesSource.ts';
import { openFilesTarget } from '../../src/archive/files/filesTarget.ts';
import { letterJson, wholeLetterJson, wholeLetterText } from '../../src/cli/render/deadLetter.ts';
import { ArchiveRecords } from '../../src/codec/archiveRecord.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { isCaughtUp } from '../../src/consume/progress.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { createClient } from '../../src/log/pulsar/native.ts';
import type { NativeClient } from '../../src/log/pulsar/native.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import { plainCluster, topicUrl } from '../../src/log/pulsar/settings.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { endsOf } from '../../src/log/readRange.ts';
import type { Letter } from '../../src/operate/deadLetters.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { FOLDS, TOPICS } from '../../src/topology/folds.ts';
import { readLag } from '../../src/app/lag.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import { readTopic } from '../../src/consume/readTopic.ts';
import { retryLetters } from '../../src/operate/retryLetters.ts';
import { runRelays } from '../../src/app/roles.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { allLetters, collect } from '../support/deadLetters.ts';
import { observation } from '../support/observations.ts';
import { readAll } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';

type Config = Parameters<NativeClient['createProducer']>[0];
type Outgoing = Parameters<Awaited<ReturnType<NativeClient['createProducer']>>['send']>[0];

interface Form {
  readonly what: string;
  readonly message: Omit<Outgoing, 'data'> & { readonly data?: Buffer };
  readonly producer?: Omit<Config, 'topic'>;
  /** What the letters and the archive have of it, where it is not all. */
  readonly arrives?: (found: LogMessage) => void;
}

const MEGABYTE = 1_048_576;
const KEY = '12345678:X';
const now = Date.now();
const letter = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
let folder = '';

const text = (n: number): string => 'x'.repeat(n);
const form = (what: string, message: Form['message'], rest: Partial<Form> = {}): Form => ({
  what,
  message,
  ...rest,
});

const FORMS: readonly Form[] = [
  form(
    'of several chunks',
    { partitionKey: KEY, data: Buffer.alloc(6_000_000, 'c') },
    { producer: { chunkingEnabled: true } },
  ),
  form('with an event time in microseconds', { partitionKey: KEY, eventTimestamp: now * 1e3 }),
  form('with an event time in nanoseconds', { partitionKey: KEY, eventTimestamp: now * 1e6 }),
  form('with the largest event time', { partitionKey: KEY, eventTimestamp: Number.MAX_SAFE_INTEGER }),
  form('with a negative event time', { partitionKey: KEY, eventTimestamp: -1 }),
  form('without an event time', { partitionKey: KEY, eventTimestamp: 0 }),
  form('without a key', {}),
  form('with a key without a colon', { partitionKey: 'key' }),
  form('with a key of a colon', { partitionKey: ':' }),
  form('with a key of 100,000 characters', { partitionKey: `12345678:${text(100_000)}` }),
  form('with a key of other alphabets', { partitionKey: '12345678:\u{1f511}\u202e\ufeff' }),
  form('with an ordering key', { partitionKey: KEY, orderingKey: 'o' }),
  form('with an empty payload', { partitionKey: KEY, data: Buffer.alloc(0) }),
  form('with a property without a name', { partitionKey: KEY, properties: { '': 'v', p: '' } }),
  form('with properties named as Balde names its own', {
    partitionKey: KEY,
    properties: {
      ...{
        sequence_id: 'none',
        uniform_batch: '7 p',
        event_id: 'mine',
        reason: 'mine',
        original_reason: 'mine',
        cut_from_bytes: '1',
      },
      ...{ schema_version: '99', balde_event_time: 'mine', _balde_event_time: 'mine' },
    },
  }),
  form('with a property named length', { partitionKey: KEY, properties: { length: 'long' } }),
  form('with a property named length that is a number', {
    partitionKey: KEY,
    properties: { length: '3', p: 'v' },
  }),
  form('with properties that name what objects have', {
    partitionKey: KEY,
    properties: { constructor: 'c', toString: 't', __proto__: 'p' },
  }),
  form('with 1,000 properties', {
    partitionKey: KEY,
    properties: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`p${i}`, 'v'])),
  }),
  form('with a property of three megabytes', {
    partitionKey: KEY,
    properties: { large: text(3 * MEGABYTE) },
  }),
  form('with NUL and half of a pair in its texts', {
    partitionKey: '12345678:\ud83d',
    properties: { 'n\ud83d': 'half \ud83d' },
  }),
  form('as large as the broker takes it', {
    partitionKey: KEY,
    data: Buffer.alloc(5 * MEGABYTE - 4_200, 'l'),
    properties: { own: text(4_000) },
  }),
  ...(['Zlib', 'LZ4', 'ZSTD', 'SNAPPY'] as const).map((compressionType) =>
    form(
      `compressed with ${compressionType}`,
      { partitionKey: KEY, data: Buffer.alloc(10_000, 'z') },
      { producer: { compressionType } },
    ),
  ),
  form(
    'that is encrypted',
    { partitionKey: KEY },
    { producer: { encryptionKey: 'balde', publicKeyPath: 'public.pem' } },
  ),
  form(
    'that is encrypted in a batch',
    { partitionKey: KEY },
    { producer: { encryptionKey: 'balde', publicKeyPath: 'public.pem', batchingEnabled: true } },
  ),
  form('in a batch of one', { partitionKey: KEY }, { producer: { batchingEnabled: true } }),
  form('to be delivered later', { partitionKey: KEY, deliverAfter: 3_600_000 }),
  form(
    'of a producer named like the poller',
    { partitionKey: KEY, sequenceId: 7, properties: { sequence_id: '-3' } },
    { producer: { producerName: 'poller-12345678' } },
  ),
];

interface World {
  readonly database: Database;
  readonly log: PulsarLog;
  readonly settings: PulsarSettings;
}

async function send(
  client: NativeClient,
  partition: string,
  { message, producer = {} }: Form,
  i: number,
): Promise<void> {
  const own = producer as Partial<Config>;
  const config = { batchingEnabled: false, ...own, topic: partition };
  if (config.publicKeyPath !== undefined) config.publicKeyPath = join(folder, config.publicKeyPath);
  const sending = await client.createProducer(config);
  await sending.send({ ...message, data: message.data ?? Buffer.from(`no event ${i}`) });
  await sending.close();
}

/** The folds and the relays, until nothing is left to do. */
async function settle({ database, log }: World): Promise<void> {
  const stop = new AbortController();
  const context = { database, log, rules: DEFAULT_RULES, observer: silentObserver };
  const running = Promise.all([
    ...Object.values(FOLD_RUNNERS).map(async (run) => run(context, stop.signal)),
    runRelays({ database, log }, silentObserver, stop.signal),
  ]);
  const isDone = async (): Promise<boolean> => {
    for (const fold of FOLDS) if (!(await isCaughtUp(database, log, fold))) return false;
    return (await outboxSize(database)) === 0;
  };
  try {
    await Promise.race([eventually('everything is folded and relayed', isDone, 240_000), running]);
  } finally {
    stop.abort(new Error('settled'));
    await running;
  }
}

/** The processors that read observations. */
const READERS = FOLDS.filter(({ topic }) => topic === POLICY_STATES.name)
  .map(({ name }) => name)
  .sort();

describePulsar('a message of others [FOLD-5, DLQ-1, ARC-4]', () => {
  let world: World;
  let found: LogMessage[];
  let letters: Letter[];
  let archived: Map<string, LogMessage>;
  /** Where the partition ended when each had just come. */
  const ends: (string | null | undefined)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'balde-foreign-'));
    await writeFile(join(folder, 'public.pem'), letter.publicKey);
    const { url, adminUrl } = pulsarBroker();
    const settings = plainCluster({ serviceUrl: url, adminUrl }, `foreign-${randomUUID().slice(0, 8)}`);
    const { database } = await baldeDatabase();
    const log = new PulsarLog(settings);
    for (const topic of TOPICS) await log.ensureTopic(topic);
    world = { database, log, settings };
    const { signal } = new AbortController();
    const own = await log.producer(POLICY_STATES.name, { name: 'poller-0', access: 'shared', signal });
    await own.send([{ ...POLICY_STATES.encode(observation({ responseTime: Date.UTC(2026, 1, 1) })), sequenceId: 1 }]);
    const [first] = await readAll(log, POLICY_STATES.name);
    const client = createClient(settings, () => undefined);
    const partition = `${topicUrl(settings, POLICY_STATES.name)}-partition-${first?.partition ?? 0}`;
    for (const [i, one] of FORMS.entries()) {
      await send(client, partition, one, i);
      ends.push((await log.ends(POLICY_STATES.name)).find((end) => end.partition === first?.partition)?.last);
    }
    await client.close();
    await own.send([{ ...POLICY_STATES.encode(observation({ responseTime: Date.UTC(2026, 1, 2) })), sequenceId: 2 }]);
    await own.close();
    await settle(world);
    found = (await readAll(log, POLICY_STATES.name)).slice(1, -1);
    letters = await allLetters({ database, log });
    archived = await archiveAll(world);
  }, 400_000);

  afterAll(async () => {
    await world.log.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('comes, and those before and behind it are folded', async () => {
    expect(found).toHaveLength(FORMS.length);
    const rows = await world.database.query('select response_time from dict_rate_limit_states');
    expect(rows).toHaveLength(2);
  });

  it.each(FORMS.map(({ what }, i) => [what, i] as const))(
    '%s is the end when it comes last, is set aside by each processor, shown, and archived as it came',
    (_, i) => {
      const message = found[i];
      if (message === undefined) throw new Error('it did not come');
      const own = letters.filter(({ facts }) => facts.sourcePosition === message.position);
      expect(own.map(({ processor }) => processor).sort()).toEqual(READERS);
      for (const one of own) {
        const { facts, message: lies } = one;
        const isWhole = facts.cutFromBytes === null;
        expect(lies.payload.equals(message.payload.subarray(0, lies.payload.length))).toBe(true);
        expect(isWhole ? lies.payload.length : facts.cutFromBytes).toBe(message.payload.length);
        if (isWhole) expect(facts.original).toEqual(message.properties);
        expect(facts.sourceEventTime ?? lies.eventTime).toBe(message.eventTime);
        expect(lies.key).toBe(message.key);
        expect(JSON.stringify([letterJson(one), wholeLetterJson(one)])).toContain(one.id);
        expect(wholeLetterText(one).length).toBeGreaterThan(5);
      }
      expectSame(archived.get(message.position), message);
      expectSame(fromStore(stored(message)), message);
      expect(ends[i]).toBe(message.position);
      expect(readByOthers(message)).toBeLessThan(Date.UTC(10_000, 0, 1));
    },
  );

  it('is counted by lag, told by an export, and hinders no producer', async () => {
    const { database, log } = world;
    const lag = await readLag({ database, log }, Date.now(), AbortSignal.timeout(60_000));
    expect(lag.folds.every(({ eventsBehind }) => eventsBehind === 0)).toBe(true);
    let poison = 0;
    const reading = readTopic({
      log,
      topic: POLICY_STATES,
      onPoison: () => (poison += 1),
      signal: AbortSignal.timeout(60_000),
    });
    const events = (await collect(reading)).flat();
    expect([events.length, poison]).toEqual([2, FORMS.length]);
    const options = {
      name: 'poller-12345678',
      access: 'exclusive',
      signal: AbortSignal.timeout(60_000),
    } as const;
    const producer = await log.producer(POLICY_STATES.name, options);
    expect(producer.lastSequenceId).toBe(-1);
    await producer.close();
  });

  it('is retried as it came, unless its letter has only a part of it [DLQ-2]', async () => {
    const { database, log } = world;
    const due = letters.filter(
      ({ processor, facts }) => processor === 'states' && facts.original['large'] === undefined,
    );
    const outcomes = await collect(retryLetters({ database, log }, [due], AbortSignal.timeout(60_000)));
    const cut = outcomes.filter(({ outcome }) => outcome === 'cut');
    expect(cut.map(({ letter: { message } }) => message.payload.length < 6_000_000)).toEqual(cut.map(() => true));
    expect(outcomes.filter(({ outcome }) => outcome === 'done')).toHaveLength(due.length - cut.length);
    const again = (await readAll(log, POLICY_STATES.name)).length - FORMS.length - 2;
    expect(again).toBe(due.length - cut.length);
  }, 120_000);
});

async function archiveAll({ log }: World): Promise<Map<string, LogMessage>> {
  const { signal } = new AbortController();
  const target = await openFilesTarget({ folder: join(folder, 'archive'), signal });
  const until = await endsOf(log, POLICY_STATES.name);
  const observer = { archived: () => undefined, retrying: () => undefined };
  await archive({ log, topic: POLICY_STATES.name, target, observer, until }, signal);
  await target.close();
  const source = openFilesSource(join(folder, 'archive'));
  const all = new Map<string, LogMessage>();
  for await (const messages of source.read({ topic: POLICY_STATES.name, after: new Map(), signal }))
    for (const message of messages) all.set(message.position, message);
  await source.close();
  return all;
}

/** Payloads apart: comparing megabytes one by one takes minutes. */
function expectSame(found: LogMessage | undefined, message: LogMessage): void {
  const { payload, ...rest } = message;
  const { payload: given, ...others } = found ?? { payload: Buffer.alloc(0) };
  expect(others).toEqual(rest);
  expect(given.equals(payload)).toBe(true);
}

/** As EventStoreDB gives it back: bytes stay bytes, everything else is JSON. */
function stored(message: LogMessage): Parameters<typeof fromStore>[0] {
  const { stream, type, data, metadata } = toStore(message);
  const kept: unknown = Buffer.isBuffer(data) ? data : JSON.parse(JSON.stringify(data));
  return {
    stream,
    revision: 0n,
    type,
    data: kept,
    metadata: JSON.parse(JSON.stringify(metadata)) as unknown,
  };
}

/** The time that a reader of the file finds who knows nothing but its schema. */
function readByOthers(message: LogMessage): number {
  const records = new ArchiveRecords(POLICY_STATES.name);
  const type = avro.Type.forSchema(JSON.parse(records.schema) as avro.Schema);
  return (type.fromBuffer(records.encode(message).bytes) as { readonly eventTime: number }).eventTime;
}
