import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { manualClock } from '../../src/simulator/clocks.ts';
import { serveBridge } from '../../src/simulator/server.ts';
import { INVENTED_WORLD, recordedTraffic } from '../../src/simulator/traffics.ts';
import { WorldBridge } from '../../src/simulator/worldBridge.ts';
import { invalidOutcomes } from '../../src/domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { eventually } from '../support/eventually.ts';
import { run } from '../support/running.ts';
import { callBridge } from './client.ts';

const START = Date.UTC(2026, 0, 5, 12);
const PARTICIPANT = '11111111';
const folder = await mkdtemp(join(tmpdir(), 'balde-world-bridge-'));
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const path = join(folder, 'traffic.csv');
/** 30 of EVENT_LIST's 200 tokens after two seconds; all of KEYS_CHECK's 70, and 5 that are refused. */
await writeFile(
  path,
  [
    'second,policy,charge,credit,participant',
    `2,EVENT_LIST,30,0,${PARTICIPANT}`,
    `3,KEYS_CHECK,75,0,${PARTICIPANT}`,
  ].join('\n'),
);

describe('a Bridge over recorded traffic', () => {
  it('has lived through what came before each call, and answers for those whose traffic it has', async () => {
    const clock = manualClock(START);
    const plan = await recordedTraffic(path, START, null);
    const bridge = new WorldBridge({ category: INVENTED_WORLD.category, plan, clock, seed: 1, refill: 'drip' });
    const served = await serveBridge(bridge);
    const caller = callBridge(served.address);
    onTestFinished(async () => {
      caller.close();
      await served.close();
    });
    const tokensOf = async (policy: string): Promise<number | undefined> =>
      (await caller.list(PARTICIPANT)).policies.find(({ name }) => name === policy)?.available_tokens;

    clock.set(START + 2_000);
    expect(await tokensOf('EVENT_LIST')).toBe(200);
    clock.set(START + 2_001);
    expect(await tokensOf('EVENT_LIST')).toBe(170);
    clock.set(START + 3_001);
    expect((await caller.read('KEYS_CHECK', PARTICIPANT)).policy?.available_tokens).toBe(0);
    expect([...bridge.episodes()]).toMatchObject([
      [PARTICIPANT, { policy: 'KEYS_CHECK', firstRefusal: START + 3_000 }],
    ]);
    await expect(caller.read('NO_SUCH', PARTICIPANT)).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(caller.list('22222222')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    expect(bridge.calls).toEqual({ lists: 3, reads: 2, refused: 0 });
  });

  it('is what balde simulate --traffic serves, from its start on', async () => {
    const simulate = run(['simulate', '--traffic', path, '--port', '0', '--refill', 'drip'], {});
    await simulate.says(/4s of traffic of 11111111/);
    const [, address = ''] = /Bridge simulator at (\S+):/.exec(simulate.stdout()) ?? [];
    const caller = callBridge(address);
    onTestFinished(() => caller.close());
    const { response_time, policies } = await caller.list(PARTICIPANT);
    expect(policies).toHaveLength(29);
    expect(Number(response_time?.seconds)).toBeLessThanOrEqual(Date.now() / 1000);
    expect(await simulate.stop()).toBe(0);
  });

  it('[CALLIN-1] reports its calls into a file while balde simulate runs', async () => {
    const file = join(folder, 'calls.ndjson');
    const given = ['--traffic', path, '--port', '0', '--outcomes', file, '--outcomes-window', '10', '--speed', '60'];
    const simulate = run(['simulate', ...given, '--hide-source', 'pix-app'], {});
    await simulate.says(/Bridge simulator at/);
    const windows = await eventually('windows are written', async () => {
      const text = await readFile(file, 'utf8');
      return text === ''
        ? null
        : text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as RequestOutcomesObserved);
    });
    expect(await simulate.stop()).toBe(0);
    expect(windows.every((window) => invalidOutcomes(window) === null && window.source !== 'pix-app')).toBe(true);
    const tokens = windows
      .filter(({ source }) => source !== 'balde')
      .reduce((sum, window) => sum + window.status200, 0);
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThan(100);
  });

  it('is not begun where the file can’t be used', async () => {
    const wrong = join(folder, 'wrong.csv');
    await writeFile(wrong, 'second,policy,charge,credit\n1,NO_SUCH,1,0\n');
    const simulate = run(['simulate', '--traffic', wrong, '--port', '0'], {});
    expect(await simulate.ended).toBe(1);
    expect(simulate.stderr()).toContain('wrong.csv, line 2: DICT lists no policy "NO_SUCH"');
  });
});
