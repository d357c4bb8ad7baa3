/** `balde status --watch`: what a terminal shows of the overview as it changes. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Overview } from '../../src/api/answers.ts';
import { narrowedOverview, watchText } from '../../src/cli/render/watch.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { observation } from '../support/observations.ts';
import { balde } from './balde.ts';
import { foldAll, MINUTE, PARTICIPANT, publish, seed } from './seed.ts';

const { url, database, log } = await baldeDatabase();
await seed(database, log, Date.now() - MINUTE);

test('[PAGE-19] draws what changes until Ctrl-C, and ends with 0', async () => {
  const child = spawn(process.execPath, [join(packageRoot, 'dist', 'src', 'cli', 'balde.js'), 'status', '--watch'], {
    env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: url },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let shown = '';
  child.stdout.on('data', (bytes) => (shown += String(bytes)));
  await eventually('the first picture', async () => await Promise.resolve(/CRITICAL .* FALLING .* 0 /.test(shown)));
  expect(shown).not.toContain('LATER');
  await publish(log, [observation({ participant: PARTICIPANT, policy: 'LATER', responseTime: Date.now() })], 1_000);
  await foldAll(database, log);
  await eventually('the next', async () => await Promise.resolve(shown.includes('LATER')));
  child.kill('SIGINT');
  expect(await ended).toBe(0);
});

test('[PAGE-19] takes the filters of status, and says what is away', async () => {
  const refused = await balde(['status', '--watch', '--json'], { DATABASE_URL: url });
  expect(refused.code).not.toBe(0);
  expect((await balde(['status', '--watch', '--policy', 'NONE'], { DATABASE_URL: url })).stderr).toContain('NONE');
  const away = { type: 'about:blank', title: 'The database does not answer', status: 503, detail: 'ECONNREFUSED' };
  expect(watchText(narrowedOverview(away, { policy: 'A' }), 'here', 0).join('\n')).toContain('ECONNREFUSED');
  const bucket = (endpoint_id: string) => ({ participant: '1', endpoint_id, health_status: 'OK' });
  const overview = { buckets: [bucket('A'), bucket('B')], alerts: [] } as unknown as Overview;
  expect(narrowedOverview(overview, { policy: 'B' })).toMatchObject({ buckets: [{ endpoint_id: 'B' }] });
  expect(narrowedOverview(overview, { level: 'STALE' })).toMatchObject({ buckets: [] });
});
