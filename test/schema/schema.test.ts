import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { baldeDatabase } from '../support/database.ts';
import { dumpSchema } from './dump.ts';

const FILE = join(packageRoot, 'test/schema/schema.sql');
const HEADER = `-- The whole schema after migrations and folds, written by:
--   UPDATE_SCHEMA=1 npx vitest run test/schema
-- A difference here is a change of the database that the change's author has seen.

`;

describe('the schema of the database [OPS-4]', () => {
  it('is the one written down; if the change is meant, run UPDATE_SCHEMA=1 npx vitest run test/schema', async () => {
    const { database } = await baldeDatabase();
    const dump = HEADER + (await dumpSchema(database));
    if (process.env['UPDATE_SCHEMA'] === '1') await writeFile(FILE, dump);
    expect(dump).toBe(await readFile(FILE, 'utf8'));
  });

  it('is the same in a database of another time zone and date style', async () => {
    const { database } = await baldeDatabase({ timezone: 'America/Sao_Paulo', datestyle: 'German' });
    expect(HEADER + (await dumpSchema(database))).toBe(await readFile(FILE, 'utf8'));
  });
});
