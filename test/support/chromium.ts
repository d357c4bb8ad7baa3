/** Chromium: the one on the PATH; else Debian's package with the libraries that this system lacks. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';
import { cacheFolder } from './cache.ts';
import { fetchPackages } from './debian.ts';
import type { DebianPackages } from './debian.ts';
import { PATH_FOLDERS, programIn } from './onPath.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chromium-headless-shell'];

const WANTED: DebianPackages = {
  what: 'Chromium',
  packages: ['chromium-headless-shell'],
  withDependencies: true,
  whatToDo:
    'Put chromium or google-chrome on the PATH (Debian: apt-get install chromium; Fedora: dnf install chromium). ' +
    'BALDE_TEST_WITHOUT_BROWSER=1 leaves these tests out instead.',
};

/** It asks nobody for anything but what pages ask for. */
const FLAGS = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];

/** A browser without a window. @throws {Error} why it can't be had, and what to do */
export async function launchChromium(): Promise<Browser> {
  const { path, libraries } = await find();
  // Root has no sandbox to give; others may not make one everywhere.
  return await chromium.launch({
    executablePath: path,
    chromiumSandbox: false,
    args: FLAGS,
    env: { ...process.env, ...(libraries === null ? {} : { LD_LIBRARY_PATH: libraries }) },
  });
}

interface Program {
  readonly path: string;
  /** Of the unpacked packages; `null`: the system's. */
  readonly libraries: string | null;
}

async function find(): Promise<Program> {
  const onPath = NAMES.map((name) => programIn(PATH_FOLDERS, name)).find((path) => path !== null);
  if (onPath !== undefined) return { path: onPath, libraries: null };
  const folder = join(cacheFolder('chromium'), `${process.platform}-${process.arch}`);
  const cached = () => programIn([join(folder, 'usr', 'lib', 'chromium')], 'chromium-headless-shell');
  if (cached() === null) await fetchPackages(folder, WANTED);
  const path = cached();
  if (path === null) throw new Error(`The packages in ${folder} lack Chromium: remove it. ${WANTED.whatToDo}`);
  return { path, libraries: librariesIn(folder) };
}

const librariesIn = (folder: string): string => {
  const files = readdirSync(join(folder, 'usr', 'lib'), { recursive: true, encoding: 'utf8' });
  const folders = files.filter((file) => /\.so(\.|$)/.test(file)).map((file) => dirname(file));
  return [...new Set(folders)].map((each) => join(folder, 'usr', 'lib', each)).join(':');
};
