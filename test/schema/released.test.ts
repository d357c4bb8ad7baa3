import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';

const LIST = join(packageRoot, 'test/schema/released.json');
const NAME = /^(?<event>\w+)\.v(?<version>\d+)\.avsc$/;

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(join(packageRoot, file)))
    .digest('hex');

async function filesIn(folder: string, extension: string): Promise<string[]> {
  const files = await readdir(join(packageRoot, folder));
  return files
    .filter((file) => file.endsWith(extension))
    .map((file) => `${folder}/${file}`)
    .sort();
}

const releasable = async (): Promise<string[]> => [
  ...(await filesIn('migrations', '.sql')),
  ...(await filesIn('schemas', '.avsc')),
];

/** A file that was never released may change: take its line out of the list and add it again. */
async function readReleased(): Promise<Record<string, string>> {
  const known = JSON.parse(await readFile(LIST, 'utf8').catch(() => '{}')) as Record<string, string>;
  if (process.env['UPDATE_RELEASED'] !== '1') return known;
  // Adds what is new; what was released stays as it is listed.
  for (const file of await releasable()) known[file] ??= await sha256(file);
  await writeFile(LIST, `${JSON.stringify(known, null, 2)}\n`);
  return known;
}

describe('migrations and event schemas [OPS-4]', () => {
  it('that are new are listed as released: run UPDATE_RELEASED=1 npx vitest run test/schema', async () => {
    expect(Object.keys(await readReleased()).sort()).toEqual((await releasable()).sort());
  });

  it('that were released never change: write the next migration, or the next version of the event', async () => {
    const released = await readReleased();
    const now: Record<string, string> = {};
    for (const file of Object.keys(released)) now[file] = await sha256(file).catch(() => 'gone');
    expect(now).toEqual(released);
  });

  it('are numbered in order, none double; versions of an event without a gap', async () => {
    const numbers = (await filesIn('migrations', '.sql')).map((file) => Number(/\/(\d{4})_/.exec(file)?.[1]));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    for (const versions of (await versionsOfEvents()).values()) {
      expect(versions.map(({ version }) => version)).toEqual(versions.map((_, i) => i + 1));
    }
  });
});

interface Version {
  readonly version: number;
  readonly schema: avro.Schema;
}

async function versionsOfEvents(): Promise<Map<string, Version[]>> {
  const all = new Map<string, Version[]>();
  for (const file of await filesIn('schemas', '.avsc')) {
    const { event = '', version = '' } = NAME.exec(file.split('/')[1] ?? '')?.groups ?? {};
    const schema = JSON.parse(await readFile(join(packageRoot, file), 'utf8')) as avro.Schema;
    all.set(event, [...(all.get(event) ?? []), { version: Number(version), schema }]);
  }
  for (const versions of all.values()) versions.sort((a, b) => a.version - b.version);
  return all;
}

/** Backward compatible: whoever knows `reader` can read what was written with `writer`. */
function canRead(reader: avro.Schema, writer: avro.Schema): boolean {
  try {
    avro.Type.forSchema(reader).createResolver(avro.Type.forSchema(writer));
    return true;
  } catch {
    return false;
  }
}

describe('an event [OPS-4]', () => {
  it('of every released version can be read with every later one', async () => {
    const refused: string[] = [];
    for (const [event, versions] of await versionsOfEvents()) {
      for (const [i, writer] of versions.entries()) {
        for (const reader of versions.slice(i)) {
          if (!canRead(reader.schema, writer.schema)) refused.push(`${event} v${reader.version} ← v${writer.version}`);
        }
      }
    }
    expect(refused).toEqual([]);
  });

  it('with a field more can be read if the field has a default, and not otherwise', async () => {
    for (const [, [first]] of await versionsOfEvents()) {
      const record = first?.schema as { readonly fields: readonly object[] };
      const extended = (field: object) => ({ ...record, fields: [...record.fields, field] }) as avro.Schema;
      const optional = extended({ name: 'more', type: ['null', 'string'], default: null });
      expect(canRead(optional, record as avro.Schema)).toBe(true);
      expect(canRead(extended({ name: 'more', type: 'string' }), record as avro.Schema)).toBe(false);
      const narrowed = record.fields.map((field) => ({ ...field, type: 'boolean' }));
      expect(canRead({ ...record, fields: narrowed } as avro.Schema, record as avro.Schema)).toBe(false);
    }
  });
});
