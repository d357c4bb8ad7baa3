/**
 * Programs out of Debian's or Ubuntu's packages, unpacked into the cache outside the project. Nothing of the system is
 * changed, and no right of root is needed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface DebianPackages {
  /** What they are fetched for, as a sentence begins. */
  readonly what: string;
  readonly packages: readonly string[];
  /** Also what they need and the system lacks. */
  readonly withDependencies?: boolean;
  /** Does what their own scripts would do. @param whole where they lie unpacked */
  readonly unpacked?: (whole: string) => Promise<void>;
  /** For whoever can't fetch them. */
  readonly whatToDo: string;
}

/** 100 MB. */
const FETCH_MS = 300_000;

/**
 * Made beside the folder and moved when it is whole: an interrupted run leaves nothing that looks like one.
 * @throws {Error} why they can't be had, and what to do
 */
export async function fetchPackages(folder: string, wanted: DebianPackages): Promise<void> {
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true });
  const making = await mkdtemp(join(parent, 'making-'));
  try {
    await download(making, wanted);
    const files = (await readdir(making)).filter((name) => name.endsWith('.deb'));
    const whole = join(making, 'whole');
    for (const file of files) await step('dpkg-deb', ['-x', join(making, file), whole], making, wanted);
    await wanted.unpacked?.(whole);
    await rename(whole, folder).catch((error: unknown) => {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** With the system's list of packages; where there is none, or an old one, with one of its own beside the packages. */
async function download(folder: string, wanted: DebianPackages): Promise<void> {
  const { packages, withDependencies = false } = wanted;
  const archives = ['-o', `Dir::Cache::archives=${folder}`, '-o', 'Debug::NoLocking=true', '--no-install-recommends'];
  const get = withDependencies
    ? [...archives, '-y', '--download-only', 'install', ...packages]
    : ['download', ...packages];
  await mkdir(join(folder, 'partial'));
  try {
    await step('apt-get', get, folder, wanted);
  } catch {
    const lists = join(folder, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::lists=${lists}`, '-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache='];
    await step('apt-get', [...own, '-o', 'Debug::NoLocking=true', '-qq', 'update'], folder, wanted);
    await step('apt-get', [...own, ...get], folder, wanted);
  }
}

async function step(command: string, args: readonly string[], cwd: string, wanted: DebianPackages): Promise<void> {
  try {
    await run(command, args, { cwd, timeout: FETCH_MS, env: { ...process.env, LC_ALL: 'C' } });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const reason = stderr === undefined || stderr === '' ? String(error) : stderr.trim();
    throw new Error(
      `${wanted.what} is not on the PATH, and fetching it failed: ${command}: ${reason}\n${wanted.whatToDo}`,
      {
        cause: error,
      },
    );
  }
}
