/**
 * Brings back the npm package itself. npm 10 removes an optional package whose install script failed, together with
 * what only that package needs; npm 11 leaves the script out (`allowScripts` in package.json) and keeps the package.
 *
 * `npm install` in the project would also remove what npm does not know and could add or remove development packages.
 * Therefore npm installs elsewhere, in the versions of the project's package-lock.json, and what is missing is copied.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { BindingError, lastLines, textOf } from './errors.ts';
import { isPackagePresent } from './load.ts';
import { addonPackage, addonVersion } from './recipe.ts';
import { run } from './run.ts';

const npmLimitMs = 300_000;

/** The part of package-lock.json (and of npm's own list in node_modules) that is used: packages by their path. */
interface Lock {
  packages: Record<string, { version?: string }>;
}

export interface RestoreOptions {
  /** The project, with package-lock.json. */
  root: string;
  /** An empty folder; the caller removes it. */
  workFolder: string;
  env: NodeJS.ProcessEnv;
  report: (line: string) => void;
}

function readLock(file: string): Lock {
  return JSON.parse(readFileSync(file, 'utf8')) as Lock;
}

/** Makes the folder a project that needs this one package; npm drops all the lock lists beyond it. */
function writeProject(root: string, folder: string): void {
  const own = { dependencies: { [addonPackage]: addonVersion } };
  const lock = readLock(join(root, 'package-lock.json'));
  const reduced = { ...lock, packages: { ...lock.packages, '': own } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(reduced));
  // May name a company's registry.
  if (existsSync(join(root, '.npmrc'))) copyFileSync(join(root, '.npmrc'), join(folder, '.npmrc'));
}

function copyPackage(from: string, to: string, modules: string): void {
  const fresh = join(modules, `.balde-${randomUUID()}`);
  cpSync(from, fresh, { recursive: true });
  mkdirSync(dirname(to), { recursive: true });
  rmSync(to, { recursive: true, force: true });
  renameSync(fresh, to);
}

/** Copies what npm installed in `folder` and the project lacks to the same path in the project. */
function copyMissing(folder: string, root: string): void {
  const { packages } = readLock(join(folder, 'node_modules', '.package-lock.json'));
  const modules = join(root, 'node_modules');
  mkdirSync(modules, { recursive: true });
  for (const path of Object.keys(packages).sort()) {
    if (!existsSync(join(root, path, 'package.json'))) copyPackage(join(folder, path), join(root, path), modules);
  }
}

async function install(options: RestoreOptions): Promise<string | undefined> {
  const { root, workFolder, env } = options;
  writeProject(root, workFolder);
  // oxfmt-ignore
  const args = ['install', '--prefix', workFolder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { ok, missing, timedOut, output } = await run('npm', args, {
    cwd: workFolder,
    env,
    timeoutMs: npmLimitMs,
  });
  if (missing) return '    npm is not on the PATH';
  if (timedOut) return `    no end after ${npmLimitMs / 1000} s`;
  if (!ok) return lastLines(output, 4);
  copyMissing(workFolder, root);
  return isPackagePresent(join(root, 'node_modules', addonPackage)) ? undefined : lastLines(output, 4);
}

/** Adds the package and what it needs to node_modules. Changes nothing else. Throws a {@link BindingError}. */
export async function restorePackage(options: RestoreOptions): Promise<void> {
  options.report(`bringing back the npm package ${addonPackage}, which npm left out`);
  const reason = await install(options).catch((error: unknown) => `    ${textOf(error)}`);
  if (reason === undefined) return;
  throw new BindingError(
    'package-missing',
    `the npm package ${addonPackage} ${addonVersion} is not in node_modules and could not be brought back:\n${reason}\n` +
      '  What to do: run "npm ci --ignore-scripts" in the project with the registry reachable, then try again.',
  );
}
