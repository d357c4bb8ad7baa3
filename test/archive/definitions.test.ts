/**
 * A file is read by the definition in it, whichever version of Balde wrote it: an archive is kept for longer than a
 * program.
 */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import avro from 'avsc';
import { describe, expect, test } from 'vitest';
import { Digests } from '../../src/archive/files/digests.ts';
import { openFilesSource } from '../../src/archive/files/filesSource.ts';
import { openFilesTarget } from '../../src/archive/files/filesTarget.ts';
import { META } from '../../src/archive/files/month.ts';
import type { MonthSummary } from '../../src/archive/files/month.ts';
import { ArchiveRecords } from '../../src/codec/archiveRecord.ts';
import { encodeBlock, encodeHeader } from '../../src/codec/containerFile.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { patience } from '../support/topics.ts';
import { newFolder, readSource, TOPICS } from './given.ts';

/** Written by the first version that had an archive; never to be written anew. */
const FIRST = join(packageRoot, 'test', 'archive', 'fixtures', 'first');
const messages = (
  JSON.parse(await readFile(join(FIRST, 'messages.json'), 'utf8')) as (Omit<LogMessage, 'payload'> & {
    payload: string;
  })[]
).map((message): LogMessage => ({ ...message, payload: Buffer.from(message.payload, 'base64') }));
const [STATES, ALERTS] = TOPICS;
const of = (topic: string): LogMessage[] => messages.filter((message) => message.topic === topic);

test.each(TOPICS)('the first archive of %s gives its messages for ever, byte by byte [ARC-9]', async (topic) => {
  expect(await readSource(openFilesSource(FIRST), topic)).toEqual(of(topic));
});

interface Field {
  readonly name: string;
  type: unknown;
}
interface Definition {
  readonly fields: Field[];
}

/** What a later version may write: fields more, in the record and in its event, and values more. */
function newer(topic: string): {
  readonly schema: string;
  readonly type: avro.Type;
  readonly event: avro.Type;
} {
  const schema = JSON.parse(new ArchiveRecords(topic).schema) as Definition;
  const union = schema.fields.find(({ name }) => name === 'event')?.type as [string, Definition];
  const extra = { name: 'note', type: ['null', 'string'], default: null };
  union[1].fields.splice(2, 0, extra);
  schema.fields.splice(1, 0, extra);
  for (const field of union[1].fields) {
    const text = JSON.stringify(field.type).replace('"CRITICAL"]', '"CRITICAL","EMERGENCY"]');
    field.type = JSON.parse(text);
  }
  const type = avro.Type.forSchema(schema as unknown as avro.Schema);
  return {
    schema: JSON.stringify(schema),
    type,
    event: avro.Type.forSchema(union[1] as unknown as avro.Schema),
  };
}

/** Replaces the open month of a partition by one that a later version wrote. */
async function writtenLater(place: string, topic: string, records: readonly object[]): Promise<void> {
  const path = join(place, '2026-10.json');
  const { sync, previous, ...summary } = JSON.parse(await readFile(path, 'utf8')) as MonthSummary;
  const { schema, type } = newer(topic);
  const meta = {
    [META.topic]: topic,
    [META.partition]: String(summary.partition),
    [META.month]: '2026-10',
    [META.previous]: JSON.stringify(previous),
  };
  const end = Buffer.from(sync, 'hex');
  const encoded = records.map((record) => type.toBuffer(record));
  const bytes = Buffer.concat([encodeHeader(schema, meta, end), encodeBlock(encoded, end)]);
  const digests = new Digests();
  digests.update(bytes);
  const last = (records.at(-1) as { position: string }).position;
  const [first] = records as [{ position: string }];
  const positions = { firstPosition: first.position, lastPosition: last };
  const whole = { ...summary, sync, previous, ...digests.checksums(), events: records.length, ...positions };
  await writeFile(join(place, '2026-10.avro.part'), bytes);
  await writeFile(path, JSON.stringify(whole));
}

const at = Date.UTC(2026, 9, 1);
const record = (topic: string, n: number, event: object, properties = {}) => ({
  ...{ position: String(100 + n).padStart(16, '0'), partition: topic === STATES ? 1 : 2, key: '12345678:P' },
  ...{ eventTime: at + n, properties, event, payload: null, problem: null, note: 'of the record' },
});
const wire = (message: LogMessage | undefined): Record<string, unknown> =>
  JSON.parse(message?.payload.toString('utf8') ?? '') as Record<string, unknown>;

/** The events of a later version, as they came on their topic and as its archive has them. */
const LATER: Readonly<Record<string, { readonly records: readonly object[]; readonly payloads: readonly Buffer[] }>> = {
  [STATES]: ((): { records: object[]; payloads: Buffer[] } => {
    const type = avro.Type.forSchema(JSON.parse(new ArchiveRecords(STATES).schema) as avro.Schema);
    const known = new ArchiveRecords(STATES);
    const [first] = of(STATES);
    const plain = type.fromBuffer(known.encode(first ?? expect.fail('no message')).bytes) as {
      event: object;
    };
    const event = { ...plain.event, note: 'of the event' };
    const payload = newer(STATES).event.toBuffer(event);
    return { records: [record(STATES, 0, event, { schema_version: '2' })], payloads: [payload] };
  })(),
  [ALERTS]: ((): { records: object[]; payloads: Buffer[] } => {
    const [raised] = of(ALERTS);
    const fields = (JSON.parse(new ArchiveRecords(ALERTS).schema) as Definition).fields;
    const union = fields.find(({ name }) => name === 'event')?.type as [string, Definition];
    const empty = Object.fromEntries(union[1].fields.map(({ name }) => [name, null]));
    const noted = { ...wire(raised), note: 'of the event' };
    const emergency = { ...wire(raised), severity: 'EMERGENCY' };
    return {
      records: [noted, emergency].map((event, n) => record(ALERTS, n, { ...empty, note: null, ...event })),
      payloads: [noted, emergency].map((event) => Buffer.from(JSON.stringify(event))),
    };
  })(),
};

describe.each([
  [STATES, '1'],
  [ALERTS, '2'],
] as const)('files of %s that a later version wrote [ARC-9]', (topic, partition) => {
  const copy = async (): Promise<string> => {
    const folder = join(await newFolder(), 'copy');
    await cp(FIRST, folder, { recursive: true });
    await writtenLater(join(folder, topic, partition), topic, LATER[topic]?.records ?? []);
    return folder;
  };

  test('are read, with what only that version knows', async () => {
    const found = await readSource(openFilesSource(await copy()), topic);
    const first = of(topic).filter(({ eventTime }) => eventTime < at);
    expect(found.slice(0, first.length)).toEqual(first);
    const later = found.slice(first.length);
    const read = (payload: Buffer): unknown =>
      topic === STATES ? payload : (JSON.parse(payload.toString('utf8')) as unknown);
    expect(later.map(({ payload }) => read(payload))).toEqual(LATER[topic]?.payloads.map(read));
    expect(later.map(({ eventTime }) => eventTime)).toEqual(later.map((_, n) => at + n));
  });

  test('are gone on with in a file of its own, which has the present definition', async () => {
    const folder = await copy();
    const place = join(folder, topic, partition);
    const next = of(topic).map((message, i) => ({
      ...message,
      position: String(200 + i).padStart(16, '0'),
      eventTime: at + 5_000 + i,
    }));
    for (const part of [next.slice(0, 2), next.slice(2)]) {
      const target = await openFilesTarget({ folder, signal: patience(), now: () => at + 86_400_000 });
      expect(await target.append(topic, part)).toBe(part.length);
      await target.close();
    }
    const names = (await readdir(place)).filter((name) => name.includes('.avro')).sort();
    expect(names).toEqual([
      ...['2026-09.avro', '2026-09.avro.sha256', '2026-10.avro', '2026-10.avro.sha256'],
      '2026-10_02.avro.part',
    ]);
    const found = await readSource(openFilesSource(folder), topic);
    expect(found.slice(-next.length)).toEqual(next);
    // The month after it follows.
    const target = await openFilesTarget({ folder, signal: patience(), now: () => at + 86_400_000 * 40 });
    const later = next.map((message, i) => ({
      ...message,
      position: String(300 + i).padStart(16, '0'),
      eventTime: Date.UTC(2026, 10, 3),
    }));
    await target.append(topic, later);
    await target.close();
    expect((await readSource(openFilesSource(folder), topic)).slice(-2 * next.length)).toEqual([...next, ...later]);
    expect(await readdir(place)).toContain('2026-10_02.avro');
    // Any reader of Avro has the files one after the other.
    let records = 0;
    for await (const one of avro.createFileDecoder(join(place, '2026-10_02.avro'))) records += one === null ? 0 : 1;
    expect(records).toBe(next.length);
  });
});
