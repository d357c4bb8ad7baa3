/**
 * Prometheus, Alertmanager and their tools: those on the PATH; else Debian's or Ubuntu's packages, unpacked into the
 * cache outside the project. Nothing of the system is changed, and no right of root is needed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache.ts';
import { isExecutable, PATH_FOLDERS } from './onPath.ts';

const run = promisify(execFile);

/** By the names that its packages have for each. */
const PROGRAMS = {
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  alertmanager: ['alertmanager', 'prometheus-alertmanager'],
  amtool: ['amtool'],
} as const;
type Program = keyof typeof PROGRAMS;
export type Programs = Readonly<Record<Program, string>>;

const PACKAGES = ['prometheus', 'prometheus-alertmanager'];
/** 30 MB. */
const FETCH_MS = 300_000;

const WHAT_TO_DO =
  'Put prometheus, promtool, alertmanager and amtool on the PATH (Debian and Ubuntu: apt-get install prometheus ' +
  'prometheus-alertmanager; macOS: brew install prometheus alertmanager). BALDE_TEST_WITHOUT_PROMETHEUS=1 leaves ' +
  'these tests out instead.';

let found: Promise<Programs> | null = null;

/** The paths of all four. @throws {Error} why they can't be had, and what to do */
export async function prometheusPrograms(): Promise<Programs> {
  found ??= find();
  return await found;
}

async function find(): Promise<Programs> {
  const onPath = programsIn(PATH_FOLDERS);
  if (onPath !== null) return onPath;
  const folder = join(cacheFolder('prometheus'), `${process.platform}-${process.arch}`);
  const cached = () => programsIn([join(folder, 'usr', 'bin')]);
  if (cached() === null) await fetchPackages(folder);
  const fetched = cached();
  if (fetched === null) throw new Error(`The packages in ${folder} lack a program: remove it. ${WHAT_TO_DO}`);
  return fetched;
}

/** `null` unless every one of them is there. */
function programsIn(folders: readonly string[]): Programs | null {
  const pathOf = (names: readonly string[]): string | null =>
    folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable) ?? null;
  const paths = Object.entries(PROGRAMS).map(([program, names]) => [program, pathOf(names)] as const);
  return paths.some(([, path]) => path === null) ? null : (Object.fromEntries(paths) as unknown as Programs);
}

/** Made beside it and moved when it is whole: an interrupted run leaves nothing that looks like one. */
async function fetchPackages(folder: string): Promise<void> {
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true });
  const making = await mkdtemp(join(parent, 'making-'));
  try {
    await download(making);
    const files = (await readdir(making)).filter((name) => name.endsWith('.deb'));
    const whole = join(making, 'whole');
    for (const file of files) await step('dpkg-deb', ['-x', join(making, file), whole], making);
    await relocate(join(whole, 'usr', 'bin', 'prometheus-alertmanager'));
    await rename(whole, folder).catch((error: unknown) => {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** Debian's Alertmanager reads its templates here, wherever it was unpacked… */
const TEMPLATES = Buffer.from('/usr/share/prometheus/alertmanager');
/** …and after this, which is as long, in the folder that it is run in. */
const RELATIVE = Buffer.from('usr//share/prometheus/alertmanager');

async function relocate(program: string): Promise<void> {
  const bytes = await readFile(program);
  for (let at = bytes.indexOf(TEMPLATES); at >= 0; at = bytes.indexOf(TEMPLATES, at)) RELATIVE.copy(bytes, at);
  await writeFile(program, bytes);
}

/** The folder to run one of the programs in. */
export const homeOf = (program: string): string => dirname(dirname(dirname(program)));

/** With the system's list of packages; where there is none, or an old one, with one of its own beside the packages. */
async function download(folder: string): Promise<void> {
  try {
    await step('apt-get', ['download', ...PACKAGES], folder);
  } catch {
    const lists = join(folder, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::lists=${lists}`, '-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache='];
    await step('apt-get', [...own, '-qq', 'update'], folder);
    await step('apt-get', [...own, 'download', ...PACKAGES], folder);
  }
}

async function step(command: string, args: readonly string[], cwd: string): Promise<void> {
  try {
    await run(command, args, { cwd, timeout: FETCH_MS, env: { ...process.env, LC_ALL: 'C' } });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const reason = stderr === undefined || stderr === '' ? String(error) : stderr.trim();
    throw new Error(`Prometheus is not on the PATH, and fetching it failed: ${command}: ${reason}\n${WHAT_TO_DO}`, {
      cause: error,
    });
  }
}
