/** Tells whether the addon loads, and remembers the answer in a stamp that any change of the files makes void. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BindingError, lastLines } from './errors.ts';
import type { Machine } from './platform.ts';
import { run } from './run.ts';

const stampName = 'balde-checked.json';
const loadLimitMs = 30_000;

/** Where the package looks for its addon (`binary.module_path` in its package.json). */
export function bindingFolder(packageFolder: string): string {
  return join(packageFolder, 'lib', 'binding');
}

/** The files of the addon in `folder`: `pulsar.node` and, when it was built here, the library. Empty when none. */
export function addonFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /\.(node|so|dll|dylib)$/.test(name))
    .sort();
}

/** SHA-256 of each file of the addon, by file name. */
export function hashesOf(folder: string): Record<string, string> {
  const entries = addonFiles(folder).map((name) => {
    const hash = createHash('sha256').update(readFileSync(join(folder, name)));
    return [name, hash.digest('hex')] as const;
  });
  return Object.fromEntries(entries);
}

/** Whether the package and everything it needs at run time is in node_modules. */
export function isPackagePresent(packageFolder: string): boolean {
  const manifest = join(packageFolder, 'package.json');
  if (!existsSync(manifest)) return false;
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  const { resolve } = createRequire(manifest);
  return Object.keys(dependencies).every((name) =>
    resolve.paths(name)?.some((folder) => existsSync(join(folder, name, 'package.json'))),
  );
}

interface Stamp {
  node: string;
  machine: string;
  files: Record<string, string>;
}

function stampOf(packageFolder: string, machine: Machine): Stamp {
  return {
    node: process.version,
    machine: `${machine.platform}-${machine.arch}-${machine.libc}`,
    files: hashesOf(bindingFolder(packageFolder)),
  };
}

function readStamp(packageFolder: string): Stamp | undefined {
  try {
    return JSON.parse(readFileSync(join(bindingFolder(packageFolder), stampName), 'utf8')) as Stamp;
  } catch {
    return undefined; // never checked, or unreadable: to be checked again
  }
}

function certificates(packageFolder: string): string {
  return join(packageFolder, 'src', 'cert.pem');
}

/** Whether the client's default trust file is there. */
export function hasCertificates(packageFolder: string): boolean {
  return (statSync(certificates(packageFolder), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * What the stamp says: `loadable` when this Node on such a machine has loaded exactly these files; `changed` when the
 * files are not those that were checked (replaced or damaged); `unknown` when they were never checked like this.
 */
export function stampedState(packageFolder: string, machine: Machine): 'loadable' | 'changed' | 'unknown' {
  const stamp = readStamp(packageFolder);
  if (stamp === undefined) return 'unknown';
  const now = stampOf(packageFolder, machine);
  if (JSON.stringify(stamp.files) !== JSON.stringify(now.files)) return 'changed';
  const same = stamp.node === now.node && stamp.machine === now.machine && hasCertificates(packageFolder);
  return same ? 'loadable' : 'unknown';
}

/** Writes the stamp; a folder that cannot be written only costs the next run its fast answer. */
export function rememberLoadable(packageFolder: string, machine: Machine): void {
  const text = JSON.stringify(stampOf(packageFolder, machine), null, 2);
  try {
    writeFileSync(join(bindingFolder(packageFolder), stampName), `${text}\n`);
  } catch {
    // The addon is loadable all the same.
  }
}

// Constructing an id and an authentication calls into the library, through its C and its C++ functions.
const loadScript = `
  const pulsar = require(process.argv[1]);
  new pulsar.AuthenticationToken({ token: 'none' });
  const id = pulsar.MessageId.earliest().toString();
  if (id !== '(-1,-1,-1,-1)') throw new Error('the earliest message id reads ' + id);
`;

/**
 * Loads the addon in a process of its own, every symbol resolved at once (Node alone resolves them when first called).
 * Returns undefined when it loads, otherwise the end of what that process said.
 */
export async function whyNotLoadable(packageFolder: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (addonFiles(bindingFolder(packageFolder)).length === 0) return '    there is no addon';
  const { NODE_OPTIONS: _ignored, ...rest } = env;
  const { ok, timedOut, output } = await run(process.execPath, ['-e', loadScript, packageFolder], {
    cwd: packageFolder,
    env: { ...rest, LD_BIND_NOW: '1' },
    timeoutMs: loadLimitMs,
  });
  if (ok) return undefined;
  if (timedOut) return `    loading did not end within ${loadLimitMs / 1000} s`;
  const cause = output.split('\n').filter((line) => /error|undefined symbol|ended by/i.test(line));
  return lastLines(cause.length > 0 ? cause.slice(0, 3).join('\n') : output, 3);
}

/** Writes Node's root certificates to where the client looks for its default trust file. Needs a loadable addon. */
export async function ensureCertificates(packageFolder: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (hasCertificates(packageFolder)) return;
  const { ok, output } = await run(process.execPath, ['GenCertFile.js'], {
    cwd: packageFolder,
    env,
    timeoutMs: loadLimitMs,
  });
  if (!ok)
    throw new BindingError(
      'load-failed',
      `the client's default trust file ${certificates(packageFolder)} could not be written:\n${lastLines(output, 3)}\n` +
        '  What to do: make the folder writable and try again.',
    );
}
