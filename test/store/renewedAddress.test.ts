import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { adviceOf, DatabaseUnavailableError } from '../../src/store/errors.ts';
import { emptyDatabase } from '../support/database.ts';

const { url, database } = await emptyDatabase();
const folder = mkdtempSync(join(tmpdir(), 'balde-address-'));
const urlFile = join(folder, 'url');
const role = `renewed_${randomUUID().replaceAll('-', '')}`;
await database.execute(`create role ${role} login password 'first'`);
afterAll(async () => {
  await database.execute(`drop role ${role}`);
  rmSync(folder, { recursive: true, force: true });
});

const withPassword = (password: string): string => Object.assign(new URL(url), { username: role, password }).href;

/** A new connection each time: those that are open are not asked for a password again. */
const fresh = async (of: Database): Promise<unknown> => {
  const session = await of.session().catch((error: unknown) => error);
  if (session instanceof Error) return session;
  await (session as { close(): Promise<void> }).close();
  return 'connected';
};

describe('the address of the database in a file [DB-5]', () => {
  it('is read for each connection: a password may be replaced while Balde runs', async () => {
    writeFileSync(urlFile, `${withPassword('first')}\n`);
    const running = openDatabase({ url: withPassword('first'), urlFile });
    expect(await fresh(running)).toBe('connected');
    await database.execute(`alter role ${role} password 'second'`);
    const refused = await fresh(running);
    expect(refused).toBeInstanceOf(DatabaseUnavailableError);
    expect(adviceOf(refused)).toMatch(/user and password/);
    writeFileSync(urlFile, withPassword('second'));
    expect(await fresh(running)).toBe('connected');
    expect(await running.query('select 1 as one')).toEqual([{ one: 1 }]);
    await running.close();
  });

  it.each([
    ['empty', ''],
    ['half written', 'postgresql://'],
    ['something else', 'hunter2'],
    ['names a certificate that is not there', `URL?sslmode=verify-full&sslrootcert=${join(folder, 'none.pem')}`],
    ['names a key that is not there', `URL?sslmode=no-verify&sslkey=${join(folder, 'none.key')}`],
  ])('is read again when it is %s, and says nothing of what it holds', async (_, content) => {
    await database.execute(`alter role ${role} password 'third'`);
    writeFileSync(urlFile, content.replace('URL', withPassword('third')));
    const running = openDatabase({ url: withPassword('first'), urlFile, poolSize: 1 });
    const ways = [async () => await fresh(running), async () => await running.query('select 1')];
    for (const way of ways) {
      const error = await way().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DatabaseUnavailableError);
      expect(`${String(error)} ${adviceOf(error) ?? ''}`).not.toMatch(/hunter2|third/);
      expect(adviceOf(error)).toMatch(/read again/);
    }
    writeFileSync(urlFile, withPassword('third'));
    expect(await running.query('select 1 as one')).toEqual([{ one: 1 }]);
    await running.close();
  });

  it('that is gone ends nothing either', async () => {
    const running = openDatabase({ url, urlFile: join(folder, 'gone') });
    expect(await fresh(running)).toBeInstanceOf(DatabaseUnavailableError);
    await running.close();
  });
});
