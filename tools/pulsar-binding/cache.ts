/** The cache outside the project, so that a fresh `npm ci` or another checkout need not build again. */
import { randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { BindingError, textOf } from './errors.ts';
import { addonFiles, bindingFolder, hashesOf } from './load.ts';

const manifestName = 'manifest.json';
const workPrefix = 'work-';

/** `$BALDE_CACHE_DIR`, else `$XDG_CACHE_HOME/balde`, else `~/.cache/balde`; in it this tool's own folder. */
export function defaultCacheFolder(env: NodeJS.ProcessEnv, home: string = homedir()): string {
  const given = env['BALDE_CACHE_DIR'];
  const xdg = env['XDG_CACHE_HOME'];
  if (given !== undefined && given !== '') return resolve(given, 'pulsar-binding');
  return join(xdg !== undefined && xdg !== '' ? xdg : join(home, '.cache'), 'balde', 'pulsar-binding');
}

/** Makes the cache folder, or says how to name another. */
export function prepareCache(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new BindingError(
      'cache-not-writable',
      `the cache folder ${folder} cannot be written (${textOf(error)}).\n` +
        '  What to do: set BALDE_CACHE_DIR to a folder that can be.',
    );
  }
}

/** A fresh folder for intermediate files, on the file system of the cache so that results can be renamed into it. */
export function makeWorkFolder(cacheFolder: string): string {
  return mkdtempSync(join(cacheFolder, workPrefix));
}

/** Removes what runs that were killed left behind. Only for the holder of the lock: nobody else is working then. */
export function removeOldWork(cacheFolder: string): void {
  for (const name of readdirSync(cacheFolder)) {
    if (name.startsWith(workPrefix)) rmSync(join(cacheFolder, name), { recursive: true, force: true });
  }
}

/** The folder of the entry `key` when it is complete and undamaged, otherwise undefined. */
export function findInCache(cacheFolder: string, key: string): string | undefined {
  const entry = join(cacheFolder, key);
  const manifest = join(entry, manifestName);
  if (!existsSync(manifest)) return undefined;
  const stored = readFileSync(manifest, 'utf8');
  return stored === manifestText(entry) ? entry : undefined;
}

function manifestText(folder: string): string {
  return JSON.stringify(hashesOf(folder), null, 2) + '\n';
}

/** Stores the addon's files of `from` as entry `key`, replacing what is there: other runs see all of it or nothing. */
export function storeInCache(cacheFolder: string, key: string, from: string): void {
  const work = makeWorkFolder(cacheFolder);
  const fresh = join(work, 'entry');
  mkdirSync(fresh);
  for (const name of addonFiles(from)) copyFileSync(join(from, name), join(fresh, name));
  writeFileSync(join(fresh, manifestName), manifestText(fresh));
  const entry = join(cacheFolder, key);
  if (existsSync(entry)) renameSync(entry, join(work, 'old'));
  renameSync(fresh, entry);
  rmSync(work, { recursive: true, force: true });
}

/** Removes the entry `key`, if there is one. */
export function dropFromCache(cacheFolder: string, key: string): void {
  rmSync(join(cacheFolder, key), { recursive: true, force: true });
}

/** Throws, before any long work, when the package's folder cannot take the addon. */
export function checkWritable(packageFolder: string): void {
  const folder = bindingFolder(packageFolder);
  const probe = join(folder, `.probe-${randomUUID()}`);
  try {
    mkdirSync(probe, { recursive: true });
    rmSync(probe, { recursive: true });
  } catch (error) {
    throw new BindingError(
      'not-writable',
      `${folder} cannot be written (${textOf(error)}).\n` +
        '  What to do: run the command as the owner of node_modules, or give yourself write permission to it.',
    );
  }
}

/**
 * Puts the addon's files of `from` where the package looks for them, each by a rename: readers never see half a file.
 */
export function installAddon(from: string, packageFolder: string): void {
  const folder = bindingFolder(packageFolder);
  mkdirSync(folder, { recursive: true });
  const names = addonFiles(from);
  for (const name of names) {
    const fresh = join(folder, `.${name}-${randomUUID()}`);
    copyFileSync(join(from, name), fresh);
    renameSync(fresh, join(folder, name));
  }
  for (const name of addonFiles(folder)) if (!names.includes(name)) rmSync(join(folder, name));
}
