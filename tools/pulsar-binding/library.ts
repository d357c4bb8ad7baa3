/** The tools that the build needs, and libpulsar out of the Python wheel. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BindingError, lastLines } from './errors.ts';
import type { WheelLibrary } from './platform.ts';
import { wheel } from './recipe.ts';
import { run } from './run.ts';

const probeLimitMs = 30_000;
const downloadLimitMs = 300_000;

async function works(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  return (await run(command, args, { env, timeoutMs: probeLimitMs })).ok;
}

/** One line for each tool that is missing, with what to do; empty when the build can start. */
export async function missingTools(env: NodeJS.ProcessEnv): Promise<string[]> {
  const missing: string[] = [];
  if (!(await works('g++', ['--version'], env)))
    missing.push(
      'g++ is not on the PATH. What to do: install it (Debian: apt-get install g++; RHEL: dnf install gcc-c++).',
    );
  if (!(await works('python3', ['-c', 'import zipfile'], env)))
    missing.push(
      'python3 is not on the PATH. What to do: install it with pip (Debian: apt-get install python3-pip; RHEL: dnf install python3-pip).',
    );
  else if (!(await works('python3', ['-m', 'pip', '--version'], env)))
    missing.push(
      'python3 has no pip. What to do: install it (Debian: apt-get install python3-pip; RHEL: dnf install python3-pip).',
    );
  return missing;
}

async function downloadWheel(library: WheelLibrary, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  mkdirSync(folder, { recursive: true });
  // oxfmt-ignore
  const args = [
    '-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--only-binary=:all:',
    '--implementation', 'cp', '--python-version', wheel.python, '--abi', wheel.abi,
    '--platform', library.wheelPlatform, '--dest', folder, wheel.requirement,
  ];
  const { ok, timedOut, output } = await run('python3', args, { env, timeoutMs: downloadLimitMs });
  const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (ok && file !== undefined) return join(folder, file);
  const reason = timedOut ? `    no end after ${downloadLimitMs / 1000} s` : lastLines(output, 3);
  throw new BindingError(
    'download-failed',
    `pip could not download ${wheel.requirement} for ${library.wheelPlatform}:\n${reason}\n` +
      '  What to do: let pip reach its package index (pip config set global.index-url ... for a mirror inside a company), then try again.',
  );
}

const unpack = 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])';

/**
 * Downloads the wheel into `folder`, takes the library out and returns its path, named as its SONAME.
 * Throws a {@link BindingError} when it cannot be had or is not the library that the headers describe.
 */
export async function fetchLibrary(library: WheelLibrary, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const file = await downloadWheel(library, join(folder, 'wheel'), env);
  const member = `pulsar_client.libs/${library.file}`;
  const { ok, output } = await run('python3', ['-c', unpack, file, member, folder], {
    env,
    timeoutMs: probeLimitMs,
  });
  const path = join(folder, member);
  if (ok && createHash('sha256').update(readFileSync(path)).digest('hex') === library.sha256) return path;
  throw new BindingError(
    'wrong-library',
    `the wheel ${wheel.requirement} does not hold the expected ${library.file}:\n` +
      `${ok ? '    its SHA-256 differs' : lastLines(output, 2)}\n` +
      '  What to do: check the package index that pip uses; the headers here fit that one library only.',
  );
}
