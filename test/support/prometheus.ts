/**
 * Prometheus, Alertmanager and their tools: those on the PATH; else Debian's or Ubuntu's packages.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { fetchPackages } from './debian.ts';
import type { DebianPackages } from './debian.ts';
import { isExecutable, PATH_FOLDERS } from './onPath.ts';

/** By the names that its packages have for each. */
const PROGRAMS = {
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  alertmanager: ['alertmanager', 'prometheus-alertmanager'],
  amtool: ['amtool'],
} as const;
type Program = keyof typeof PROGRAMS;
export type Programs = Readonly<Record<Program, string>>;

const WHAT_TO_DO =
  'Put prometheus, promtool, alertmanager and amtool on the PATH (Debian and Ubuntu: apt-get install prometheus ' +
  'prometheus-alertmanager; macOS: brew install prometheus alertmanager). BALDE_TEST_WITHOUT_PROMETHEUS=1 leaves ' +
  'these tests out instead.';

const WANTED: DebianPackages = {
  what: 'Prometheus',
  packages: ['prometheus', 'prometheus-alertmanager'],
  unpacked: async (whole) => await relocate(join(whole, 'usr', 'bin', 'prometheus-alertmanager')),
  whatToDo: WHAT_TO_DO,
};

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
  if (cached() === null) await fetchPackages(folder, WANTED);
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
