import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator/server.ts';
import { eventually } from '../support/eventually.ts';
import { run } from '../support/running.ts';
import { balde, jsonOf } from './balde.ts';

const base = await mkdtemp(join(tmpdir(), 'balde-folders-'));
await chmod(base, 0o755);
afterAll(async () => await rm(base, { recursive: true, force: true }));

const PARTICIPANT = '12345678';
/** Half an hour of hardly any traffic. */
const QUICK = ['--schedule', '5m', '--traffic', join(base, 'traffic.csv')];
await writeFile(join(base, 'traffic.csv'), 'second,policy,charge,credit\n0,EVENT_LIST,1,0\n1800,EVENT_LIST,1,0\n');

describe('[OPS-32] a folder that the simulator filled', () => {
  const folder = join(base, 'simulated');
  const where = ['--data-dir', folder];

  it('has another participant than any real one, and is refused by a start on a real Bridge', async () => {
    const demo = await balde(['demo', ...QUICK, ...where, '--json']);
    expect(demo.code).toBe(0);
    const doctor = await balde(['doctor', '--json'], { DATA_DIR: folder });
    expect([doctor.code, jsonOf(doctor)]).toMatchObject([0, { ok: true }]);
    expect(doctor.stdout).toContain('No simulator adds to them now');
    const status = await balde(['status', ...where]);
    expect(status.stdout).toContain('99999004');
    expect(status.stdout).not.toContain(PARTICIPANT);
    const real = await balde(['start', ...where], {
      PARTICIPANT,
      BRIDGE_ADDRESS: '127.0.0.1:1',
      HTTP_PORT: '0',
    });
    expect(real.code).toBe(1);
    expect(real.stderr).toMatch(/it holds what the simulator made .* Give another folder with --data-dir/);
  }, 120_000);

  it('is a demonstration’s until start adds to it: then the next demonstration asks first', async () => {
    const start = run(['start', '--simulate', ...where], {
      DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/no',
    });
    await start.says(/polled 99999004/);
    const reported = async (): Promise<boolean> => (await balde(['consumers', ...where])).stdout.includes('pix-app');
    await eventually('the simulated systems report their calls', reported, 60_000);
    const healthy = await balde(['doctor', ...where]);
    expect([healthy.code, healthy.stdout]).toEqual([0, expect.not.stringMatching(/^fail/m)]);
    expect(healthy.stdout).toMatch(/^ok {4}configuration .* those of the simulator .*none was checked$/m);
    expect(healthy.stdout).toMatch(/^ok {4}schema /m);
    expect(await start.stop()).toBe(0);
    const mixed = await balde(['doctor', ...where], { PARTICIPANT, BRIDGE_ADDRESS: '127.0.0.1:1' });
    expect(mixed.code).toBe(1);
    expect(mixed.stdout).toMatch(/^fail {2}source .*12345678 would be polled: balde start refuses/m);
    expect(start.stderr()).toContain(
      `DATABASE_URL is not used with --simulate; other commands show what is simulated with --data-dir ${folder}`,
    );
    const refused = await balde(['demo', ...where]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/holds more than a demonstration: balde start has added to it since .* add --yes/);
    const alerts = await balde(['alerts', ...where]);
    expect(alerts.code).toBe(0);
    await writeFile(join(folder, 'notes.txt'), 'mine');
    const others = await balde(['demo', ...where, '--yes']);
    expect([others.code, others.stderr]).toEqual([1, expect.stringContaining('also holds notes.txt')]);
    await rm(join(folder, 'notes.txt'));
    expect((await balde(['demo', ...QUICK, ...where, '--yes', '--json'])).code).toBe(0);
    expect((await balde(['demo', ...QUICK, ...where, '--json'])).code).toBe(0);
  }, 240_000);
});

describe('[OPS-32] a folder that a real Bridge filled', () => {
  it('is refused by start --simulate, and is the one used though DATABASE_URL is set', async () => {
    const folder = join(base, 'real');
    const bridge = await startSimulator({ scenario: 'day' });
    try {
      const start = run(['start', '--data-dir', folder], {
        ...{ PARTICIPANT, BRIDGE_ADDRESS: bridge.address, POLL_INTERVAL: '10s' },
        DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/no',
      });
      await start.says(/polled 12345678/, 60_000);
      expect(await start.stop()).toBe(0);
      expect(start.stderr()).toContain('DATABASE_URL is not used: --data-dir is given');
    } finally {
      await bridge.close();
    }
    const simulated = await balde(['start', '--simulate', '--data-dir', folder], { HTTP_PORT: '0' });
    expect(simulated.code).toBe(1);
    expect(simulated.stderr).toMatch(/it holds observations of a real Bridge.*Give another folder/);
  }, 120_000);
});

describe('[OPS-32] DATABASE_URL, DATA_DIR and --data-dir', () => {
  const HELP = 'wins over DATABASE_URL, which wins over DATA_DIR (.balde by default)';
  it.each(['start', 'migrate', 'status', 'alerts', 'verify', 'lag', 'doctor'])(
    'are one rule, the same words in the help of %s',
    async (command) => {
      const { stdout } = await balde([command, '--help']);
      expect(stdout.replace(/\s+/g, ' ')).toContain(HELP);
    },
  );
});
