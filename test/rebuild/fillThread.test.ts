/** The thread that a rebuild fills in, as the command starts it: what goes wrong there, and what goes wrong here. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/log/eventLog.ts';
import { fillInThread } from '../../src/rebuild/fillInThread.ts';
import { logSource } from '../../src/rebuild/logSource.ts';
import type { RebuildObserver, RebuildReport } from '../../src/rebuild/rebuild.ts';
import type { EventSource } from '../../src/rebuild/source.ts';
import type { Database, DatabaseOptions } from '../../src/store/database.ts';
import { hashStates } from '../../src/store/hash.ts';
import { dropVersion, listVersions } from '../../src/store/versions.ts';
import { history, live, rebuilt, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';

describe('a rebuild that fills in a thread', () => {
  let given: { database: Database; log: EventLog; url: string };
  beforeAll(async () => {
    given = await baldeDatabase();
    await publish(given.log, untidy(history(45)));
    await live(given.database, given.log, 'states');
  });

  const inThread = async (
    options: Parameters<typeof rebuilt>[3] & { db?: DatabaseOptions; program?: URL } = {},
  ): Promise<RebuildReport> => {
    const { db = { url: given.url }, program, ...others } = options;
    const fill = fillInThread('states', db, program);
    return await rebuilt(given.database, given.log, 'states', { restart: true, ...others, fill });
  };
  const hash = async (version: number): Promise<string> => await hashStates(given.database, `states_v${version}`);
  /** The log as a source, with something that happens after so many batches. */
  const source = (after: number, happens: () => void): EventSource => {
    const whole = logSource(given.log, 'the log');
    return {
      ...whole,
      read: async function* (range) {
        let batches = 0;
        for await (const messages of whole.read(range)) {
          if ((batches += 1) > after) happens();
          yield messages;
        }
      },
    };
  };

  it('gives the rows and the counts of one that does not', async () => {
    const here = await rebuilt(given.database, given.log, 'states');
    const there = await inThread();
    expect(there.fill).toEqual(here.fill);
    expect(there.comparison?.differences).toEqual([]);
    expect(await hash(there.version)).toBe(await hash(here.version));
  });

  it('tells what the source told, and goes on from its last commit', async () => {
    const damage = new Error('the archive is damaged in block 7');
    const failing = source(0, () => {
      throw damage;
    });
    await expect(inThread({ source: failing })).rejects.toBe(damage);
    const report = await inThread({ restart: false });
    expect(report.resumed).toBe(true);
    expect(report.comparison?.differences).toEqual([]);
  });

  it('waits for a database that is away there, and ends when told to stop meanwhile', async () => {
    const stop = new AbortController();
    const away: Error[] = [];
    const observer: RebuildObserver = {
      filling: () => undefined,
      committed: () => undefined,
      step: () => undefined,
      retrying: (error) => {
        away.push(error);
        if (away.length > 1) stop.abort(new Error('told to stop'));
      },
    };
    const db = { url: 'postgresql://balde@127.0.0.1:9/balde' };
    await expect(inThread({ db, observer, signal: stop.signal })).rejects.toThrow('told to stop');
    expect(away.map(({ name }) => name)).toEqual(['DatabaseUnavailableError', 'DatabaseUnavailableError']);
    expect(away[0]?.message).toContain('ECONNREFUSED');
  });

  it('stops between two messages when told to', async () => {
    const stop = new AbortController();
    const stopping = source(0, () => stop.abort(new Error('enough')));
    await expect(inThread({ source: stopping, signal: stop.signal })).rejects.toThrow('enough');
    const [left] = (await listVersions(given.database, 'states')).filter(({ state }) => state === 'filling');
    if (left === undefined) throw new Error('nothing was begun');
    await dropVersion(given.database, left);
  });

  it('says so when the thread ends by itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balde-thread-'));
    try {
      const file = join(folder, 'thread.mjs');
      await writeFile(file, 'process.exit(3);');
      const program = pathToFileURL(file);
      await expect(inThread({ program })).rejects.toThrow('the thread of a rebuild ended early, with code 3');
      await writeFile(file, `throw new Error('no memory left');`);
      await expect(inThread({ program })).rejects.toThrow('no memory left');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
