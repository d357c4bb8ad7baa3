import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { peakRssMib } from '../../src/peakMemory.ts';

it('the peak is what this process took', () => {
  const held = Buffer.alloc(64 * 1_048_576, 1);
  const peak = peakRssMib();
  expect(peak).toBeGreaterThan(64);
  expect(peak).toBeGreaterThanOrEqual(Math.floor(process.memoryUsage.rss() / 1_048_576) - 64);
  expect(held.length).toBeGreaterThan(0);
});

it.runIf(process.platform === 'linux')('and not what its parent took', () => {
  const held = Buffer.alloc(400 * 1_048_576, 1);
  const module = fileURLToPath(new URL('../../dist/src/peakMemory.js', import.meta.url));
  const script = `import(${JSON.stringify(module)}).then((m) => process.stdout.write(String(m.peakRssMib())))`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  expect(Number(stdout)).toBeGreaterThan(10);
  expect(Number(stdout)).toBeLessThan(300);
  expect(held.length).toBeGreaterThan(0);
});
