/** What `npm pack` carries: all that the program needs, and nothing of how it is made. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { emptyDatabase } from '../support/database.ts';

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'balde-package-'));
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const packed = async (): Promise<string[]> => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: packageRoot,
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
};

test('the package holds the program and its data, no sources, tests or maps, and runs by itself', async () => {
  const files = await packed();
  const belongs =
    /^(dist\/(src|program|projections|tools|web)|deploy|docs|migrations|projections|proto|schemas|tools)\/|^[A-Z]+\.md$|^LICENSE$|^package\.json$/;
  expect(files.filter((name) => !belongs.test(name) || /\.(ts|map)$|tsbuildinfo/.test(name))).toEqual([]);
  for (const name of files) await cp(join(packageRoot, name), join(folder, name), { recursive: true });
  await symlink(join(packageRoot, 'node_modules'), join(folder, 'node_modules'));
  const { url } = await emptyDatabase();
  const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: url };
  const balde = async (...args: string[]) =>
    await run(process.execPath, [join(folder, 'dist', 'src', 'cli', 'balde.js'), ...args], { env });
  await balde('migrate');
  expect((await balde('status')).stdout).toMatch(/no observation yet/);
  expect((await balde('rebuild', 'states')).stdout).toMatch(/in service/);
});

test('the program that is built can be run as it is, as npx does', async () => {
  const { stdout } = await run(join(packageRoot, 'dist', 'src', 'cli', 'balde.js'), ['--version']);
  expect(stdout).toMatch(/^\d/);
});

test('without the development dependencies an installation builds nothing, and does not fail', async () => {
  const bare = await mkdtemp(join(tmpdir(), 'balde-bare-'));
  onTestFinished(async () => await rm(bare, { recursive: true, force: true }));
  await cp(join(packageRoot, 'tools', 'prepare.cjs'), join(bare, 'tools', 'prepare.cjs'));
  const { stderr } = await run(process.execPath, [join(bare, 'tools', 'prepare.cjs')], { cwd: bare });
  expect(stderr).toMatch(/nothing is built without the development dependencies.*run npm ci/);
});
