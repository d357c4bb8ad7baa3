/**
 * Makes the native addon of the npm package pulsar-client loadable: from what is there, from the cache, from the
 * ready-made download, or by a build on the library that the Python wheel carries. README.md tells why.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageRoot } from '../../src/packageRoot.ts';
import {
  checkWritable,
  defaultCacheFolder,
  dropFromCache,
  findInCache,
  installAddon,
  makeWorkFolder,
  prepareCache,
  removeOldWork,
  storeInCache,
} from './cache.ts';
import { compileAddon } from './compile.ts';
import { BindingError, textOf } from './errors.ts';
import { fetchLibrary, missingTools } from './library.ts';
import {
  bindingFolder,
  ensureCertificates,
  hasCertificates,
  isPackagePresent,
  rememberLoadable,
  stampedState,
  whyNotLoadable,
} from './load.ts';
import { withLock } from './lock.ts';
import { type Machine, libraryFor, thisMachine } from './platform.ts';
import { fetchPrebuilt } from './prebuilt.ts';
import { addonPackage, addonVersion, cacheKey } from './recipe.ts';
import { restorePackage } from './restore.ts';

export { BindingError } from './errors.ts';

export interface BindingOptions {
  /** The folder that holds node_modules; this project's own by default. */
  root?: string;
  /** Where built addons are kept; see `defaultCacheFolder`. */
  cacheFolder?: string;
  /** Fetch or build again even though a loadable addon is there or in the cache. */
  force?: boolean;
  /** False: do not try the ready-made download. */
  prebuilt?: boolean;
  /** The machine to build for, other than this one in tests only. */
  machine?: Machine;
  /** Environment of the programs that are run; `process.env` by default. */
  env?: NodeJS.ProcessEnv;
  /** Takes progress lines without a line end; silent by default. */
  report?: (line: string) => void;
}

/** Where the loadable addon came from. */
type BindingSource = 'present' | 'cache' | 'prebuilt' | 'built';

export interface BindingResult {
  source: BindingSource;
  /** Absolute path of `pulsar.node`. */
  addon: string;
  milliseconds: number;
}

interface Context extends Required<BindingOptions> {
  packageFolder: string;
  key: string;
}

function contextOf(options: BindingOptions): Context {
  const env = options.env ?? process.env;
  const root = options.root ?? packageRoot;
  const machine = options.machine ?? thisMachine();
  return {
    root,
    env,
    machine,
    cacheFolder: options.cacheFolder ?? defaultCacheFolder(env),
    force: options.force ?? false,
    prebuilt: options.prebuilt ?? true,
    report: options.report ?? ((): void => undefined),
    packageFolder: join(root, 'node_modules', addonPackage),
    key: cacheKey(machine),
  };
}

/** Loads what lies in the package's folder; on success writes the trust file and the stamp. Returns why not. */
async function settle(context: Context): Promise<string | undefined> {
  const { packageFolder, env, machine } = context;
  const reason = await whyNotLoadable(packageFolder, env);
  if (reason !== undefined) return reason;
  await ensureCertificates(packageFolder, env);
  rememberLoadable(packageFolder, machine);
  return undefined;
}

function keepInCache(context: Context): void {
  try {
    storeInCache(context.cacheFolder, context.key, bindingFolder(context.packageFolder));
  } catch (error) {
    context.report(`the addon is usable but could not be kept in ${context.cacheFolder}: ${textOf(error)}`);
  }
}

async function fromCache(context: Context): Promise<boolean> {
  const { cacheFolder, key, packageFolder, report } = context;
  const entry = findInCache(cacheFolder, key);
  if (entry === undefined) return false;
  report(`taking the addon from the cache ${cacheFolder}`);
  installAddon(entry, packageFolder);
  const reason = await settle(context);
  if (reason === undefined) return true;
  // Built on a newer system that shares this cache, for example: what is built here serves both.
  report(`the addon in the cache does not load here:\n${reason}`);
  dropFromCache(cacheFolder, key);
  return false;
}

/** Returns undefined on success, otherwise why the ready-made addon is not to be had, as one line. */
async function fromDownload(context: Context): Promise<string | undefined> {
  const { packageFolder, env, report } = context;
  report('asking for the ready-made addon (at most 30 s)');
  const refused = await fetchPrebuilt(packageFolder, env);
  if (refused !== undefined) return refused;
  const reason = await settle(context);
  if (reason !== undefined) return `it came but does not load: ${reason.trim()}`;
  keepInCache(context);
  return undefined;
}

async function withWorkFolder(context: Context, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = makeWorkFolder(context.cacheFolder);
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkVersion(packageFolder: string): void {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string;
  };
  if (version === addonVersion) return;
  throw new BindingError(
    'package-version',
    `node_modules has ${addonPackage} ${version}, and the headers for a build are those for ${addonVersion}.\n` +
      '  What to do: run "npm ci --ignore-scripts", which installs the version in package-lock.json.',
  );
}

async function fromWheel(context: Context): Promise<void> {
  const { packageFolder, env, machine, report } = context;
  checkVersion(packageFolder);
  const support = libraryFor(machine);
  if (support.library === undefined) throw new BindingError('unsupported-platform', support.message);
  const missing = await missingTools(env);
  if (missing.length > 0) throw new BindingError('tools-missing', missing.join('\n  '));
  const wheelLibrary = support.library;
  await withWorkFolder(context, async (workFolder) => {
    report('fetching libpulsar in its Python wheel (8 MB)');
    const library = await fetchLibrary(wheelLibrary, workFolder, env);
    const addon = await compileAddon({ packageFolder, workFolder, library, env, report });
    const finished = join(workFolder, 'finished');
    mkdirSync(finished);
    for (const file of [library, addon]) copyFileSync(file, join(finished, basename(file)));
    installAddon(finished, packageFolder);
  });
  report('loading the addon once, every symbol resolved');
  const reason = await settle(context);
  if (reason !== undefined)
    throw new BindingError(
      'load-failed',
      `the addon was built but does not load:\n${reason}\n` +
        '  What to do: please report these lines; the headers in tools/pulsar-binding/include may not fit this compiler.',
    );
  keepInCache(context);
}

async function build(context: Context, refused: string | undefined): Promise<void> {
  try {
    await fromWheel(context);
  } catch (error) {
    if (!(error instanceof BindingError)) throw error;
    const what = context.force ? 'could not be made again' : 'is not loadable';
    const download = refused === undefined ? '' : `  Ready-made addon: ${refused}\n`;
    throw new BindingError(
      error.problem,
      `The native addon of ${addonPackage} ${addonVersion} ${what}.\n${download}  Build: ${error.message}`,
    );
  }
}

/** The addon in node_modules or the cache, if one of them loads. */
async function fromWhatIsThere(context: Context): Promise<BindingSource | undefined> {
  const { packageFolder, machine, report } = context;
  if (stampedState(packageFolder, machine) === 'changed') {
    // Damage need not show in loading, so an undamaged copy is preferred; without one, loading has to decide.
    report('the addon is not the one that was checked: it was replaced or damaged');
    if (await fromCache(context)) return 'cache';
    return (await settle(context)) === undefined ? 'present' : undefined;
  }
  if ((await settle(context)) === undefined) return 'present';
  return (await fromCache(context)) ? 'cache' : undefined;
}

async function prepare(context: Context): Promise<BindingSource> {
  const { root, packageFolder, force, env, report } = context;
  // Another process may have finished the work while this one waited for the lock.
  if (!force && (await isUsable(context))) return 'present';
  removeOldWork(context.cacheFolder);
  if (!isPackagePresent(packageFolder))
    await withWorkFolder(context, async (workFolder) => restorePackage({ root, workFolder, env, report }));
  checkWritable(packageFolder);
  if (!force) {
    const found = await fromWhatIsThere(context);
    if (found !== undefined) return found;
  }
  const refused = context.prebuilt ? await fromDownload(context) : undefined;
  if (context.prebuilt && refused === undefined) return 'prebuilt';
  if (refused !== undefined) report(`no ready-made addon (${refused}): building it`);
  await build(context, refused);
  return 'built';
}

/** Whether the addon is usable as it is. Without the lock, hence without writing anything but the stamp. */
async function isUsable(context: Context): Promise<boolean> {
  const { packageFolder, machine, env } = context;
  if (!isPackagePresent(packageFolder)) return false;
  const state = stampedState(packageFolder, machine);
  if (state !== 'unknown') return state === 'loadable';
  if (!hasCertificates(packageFolder) || (await whyNotLoadable(packageFolder, env)) !== undefined) return false;
  rememberLoadable(packageFolder, machine);
  return true;
}

/**
 * Makes `import 'pulsar-client'` work in `options.root`. Fast (some 60 ms) when it works already. Any number of
 * processes may call it at once: one works, the others wait. Throws a {@link BindingError} that says what to do.
 */
export async function ensureBinding(options: BindingOptions = {}): Promise<BindingResult> {
  const start = performance.now();
  const context = contextOf(options);
  const { packageFolder, cacheFolder, report } = context;
  const result = (source: BindingSource): BindingResult => ({
    source,
    addon: join(bindingFolder(packageFolder), 'pulsar.node'),
    milliseconds: Math.round(performance.now() - start),
  });
  if (!context.force && (await isUsable(context))) return result('present');
  prepareCache(cacheFolder);
  return result(await withLock(join(cacheFolder, 'lock'), { report }, async () => prepare(context)));
}
