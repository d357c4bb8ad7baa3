/** Rebuilds by the built program, killed at random points under live load, with a reader that looks all the while. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { hashStates } from '../../src/store/hash.ts';
import { listVersions } from '../../src/store/versions.ts';
import { observed } from '../support/observations.ts';
import { DAY, history, live, POLICIES, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { seeded } from '../faults/seeded.ts';
import { startWorker } from '../faults/worker.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

const KILLS = 10;
const DAYS = 120;

interface Run {
  readonly exited: Promise<number | null>;
  /** What it said on standard error. */
  said(): string;
  kill(): void;
}

function rebuildProcess(databaseUrl: string, args: readonly string[]): Run {
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  const child = spawn(process.execPath, [program, 'rebuild', 'states', ...args], {
    env: { ...process.env, DATABASE_URL: databaseUrl, PULSAR_URL: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  return {
    exited: new Promise((resolve) => child.once('close', resolve)),
    said: () => said,
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Reads as Grafana does, again and again: every read finds whole views, and nothing goes back. */
function startReader(database: Database) {
  const stop = new AbortController();
  let fewest = Infinity;
  let reads = 0;
  let last = 0;
  const reading = (async () => {
    while (!stop.signal.aborted) {
      const [row] = await database.query<{ n: number; latest: number }>(
        `select (select count(*) from dict_rate_limit_states) as n,
           (select count(*) from v_dict_rate_limit_latest_states) as latest`,
      );
      expect(row?.latest).toBe(POLICIES.length);
      expect(row?.n).toBeGreaterThanOrEqual(last);
      last = row?.n ?? 0;
      fewest = Math.min(fewest, last);
      reads += 1;
      await delay(20);
    }
  })();
  return {
    stop: async () => {
      stop.abort();
      await reading;
      return { fewest, reads };
    },
  };
}

describe('a rebuild that is killed again and again', () => {
  it(
    `${KILLS} times under live load ends with the rows of live processing, unseen by readers [REBUILD-2, REBUILD-5]`,
    { timeout: 240_000 },
    async () => {
      const { database, log, url } = await baldeDatabase();
      const random = seeded(7);
      const events = history(DAYS, 30);
      await publish(log, untidy(events));
      await live(database, log, 'states');
      const alertsBefore = (await readTopicOnce(log, RATE_LIMIT_ALERTS.name)).length;
      const worker = startWorker({
        databaseUrl: url,
        roles: ['states'],
        participant: '12345678',
        bridgeAddress: '127.0.0.1:1',
      });
      const readers = openDatabase({ url });
      const reader = startReader(readers);
      const stopLoad = new AbortController();
      const load = (async () => {
        for (let minute = DAYS * DAY; !stopLoad.signal.aborted; minute += 1) {
          await publish(
            log,
            POLICIES.map((policy) => observed(policy, minute, Math.round(random.between(-5, 100)))),
          );
          await delay(50);
        }
      })();
      try {
        for (let kill = 0; kill < KILLS; kill += 1) {
          // Slow enough that most kills hit the filling, some the indexes, the catching up and the cut-over.
          const args = kill < KILLS / 2 ? ['--rate', '12000'] : [];
          const run = rebuildProcess(url, args);
          await Promise.race([delay(random.between(350, 2_600)), run.exited]);
          run.kill();
          await run.exited;
        }
        const last = rebuildProcess(url, ['--verify']);
        expect(await last.exited, last.said()).toBe(0);
      } finally {
        stopLoad.abort();
        await load;
      }
      const versions = await listVersions(database, 'states');
      const served = versions.find((version) => version.served)?.version ?? 0;
      expect(served).toBeGreaterThan(1);
      const hash = async (version: number) => await hashStates(database, `states_v${version}`);
      // The processors bring every live version to the end, and all are the same.
      for (const { version } of versions.filter(({ state }) => state === 'live')) {
        await eventually(
          `version ${version} is what a fresh fold gives`,
          async () => (await hash(version)) === (await hash(1)),
          60_000,
        );
      }
      worker.signal('SIGTERM');
      expect(await worker.exited).toBe(0);
      const { fewest, reads } = await reader.stop();
      await readers.close();
      expect(fewest).toBeGreaterThanOrEqual(events.length);
      expect(reads).toBeGreaterThan(50);
      expect(await readTopicOnce(log, RATE_LIMIT_ALERTS.name)).toHaveLength(alertsBefore);
      const pending = await database.query('select topic from balde.outbox where topic = $1', [RATE_LIMIT_ALERTS.name]);
      expect(pending).toEqual([]);
    },
  );
});
