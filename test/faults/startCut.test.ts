import { afterAll, describe, expect, inject, it } from 'vitest';
import { randomUUID } from 'node:crypto';
import { openStorage } from '../../src/app/storage.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import { openDatabase } from '../../src/store/database.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { cuttingProxy } from '../support/cuttingProxy.ts';
import { refusingServer } from '../support/refusingServer.ts';

const server = openDatabase({ url: inject('postgresUrl'), poolSize: 1 });
const made: string[] = [];
afterAll(async () => {
  for (const name of made) await server.execute(`drop database if exists ${name} with (force)`);
  await server.close();
});

async function emptyDatabaseUrl(): Promise<string> {
  const name = `cut_${randomUUID().replaceAll('-', '')}`;
  made.push(name);
  await server.execute(`create database ${name}`);
  return Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).href;
}

const location = (databaseUrl: string) => ({ databaseUrl, dataDir: '.' });

describe('a start [DB-3]', () => {
  it.each([2, 5, 9, 14, 20, 27, 35, 44])(
    'outlasts a connection that is cut at its packet %s, whatever it was doing',
    async (packets) => {
      const proxy = await cuttingProxy(await emptyDatabaseUrl(), packets);
      const waits: string[] = [];
      const storage = await openStorage(location(proxy.url), {
        patienceMs: 60_000,
        onWaiting: ({ message }) => waits.push(message),
        judging: {
          rules: { warningPercent: 20, criticalPercent: 10 },
          staleAfterMs: 900_000,
        },
      });
      expect(await storage.database.query('select from balde.projection where served')).toHaveLength(FOLDS.length);
      await storage.close();
      expect(proxy.hasCut).toBe(true);
      await proxy.close();
    },
  );

  it.each(['28P01', '28000', '3D000', '42501'])('ends at once when it is refused with %s', async (code) => {
    const refusing = await refusingServer(code);
    const began = performance.now();
    const error = await openStorage(location(refusing.url), { patienceMs: 60_000 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect(performance.now() - began).toBeLessThan(30_000);
    await refusing.close();
  });

  it('waits for what passes, and says after some attempts what to change', async () => {
    const refusing = await refusingServer('08P01');
    const stop = new AbortController();
    const waits: string[] = [];
    const opening = openStorage(location(refusing.url), {
      patienceMs: 60_000,
      signal: stop.signal,
      onWaiting: ({ message }) => {
        waits.push(message);
        if (message.includes('pooler')) stop.abort();
      },
    });
    await expect(opening).rejects.toThrow();
    expect(waits.slice(0, 4)).toEqual(Array(4).fill('whatever the text says (08P01)'));
    expect(waits.at(-1)).toMatch(/default_pool_size/);
    await refusing.close();
  });
});
