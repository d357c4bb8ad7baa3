/** A Python with the requirements of an example, in a cache outside the project: made once for all checkouts. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../support/cache.ts';

const run = promisify(execFile);

const WHAT_TO_DO =
  'The Python example is tested with Python 3.9 or newer, its modules venv and pip, and the packages of its ' +
  'requirements.txt. Install them (Debian and Ubuntu: apt install python3 python3-venv) and see that pip reaches ' +
  'its package index; PYTHON names another interpreter than python3.';

const FOLDER = cacheFolder('python-examples');

async function step(what: string, command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, args)).stdout;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const reason = stderr === undefined || stderr === '' ? String(error) : stderr.trim();
    throw new Error(`${what} failed: ${reason}\n${WHAT_TO_DO}`, { cause: error });
  }
}

/** @returns the interpreter's path. @throws {Error} Python or pip is missing or fails: what to do */
export async function pythonWith(requirements: string): Promise<string> {
  const python = process.env['PYTHON'] ?? 'python3';
  const version = await step(`${python} --version`, python, ['--version']);
  const hash = createHash('sha256').update(version);
  const name = hash
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const folder = join(FOLDER, name);
  const interpreter = join(folder, 'bin', 'python');
  if (existsSync(interpreter)) return interpreter;
  await mkdir(FOLDER, { recursive: true });
  // Made beside it and moved when it is whole: an interrupted installation leaves nothing that looks like one.
  const making = await mkdtemp(join(FOLDER, 'making-'));
  try {
    await step('python -m venv', python, ['-m', 'venv', making]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    await step('pip install', join(making, 'bin', 'python'), pip);
    await rename(making, folder).catch((error: unknown) => {
      // Another run was faster.
      if (!existsSync(interpreter)) throw error;
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return interpreter;
}
