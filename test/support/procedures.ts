/** Procedures of the documentation, typed as they stand there. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/packageRoot.ts';

const exec = promisify(execFile);

/** The lines of the first shell block below a heading of a page. @param page e.g. `docs/operations.md` */
export function blockOf(page: string, heading: string): string[] {
  const text = readFileSync(join(packageRoot, page), 'utf8');
  const from = new RegExp(`^#+ ${heading}$`, 'm').exec(text)?.index ?? -1;
  const block = /```sh\n([\s\S]*?)```/.exec(text.slice(from))?.[1];
  if (from < 0 || block === undefined) throw new Error(`${page} has no commands below "${heading}"`);
  return block.split('\n').filter((line) => line !== '');
}

export interface Shell {
  /** Runs a line. @throws {Error} it ends with another code than 0 */
  readonly type: (line: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/**
 * Bash in an empty folder, where `npx balde` is the program that is built.
 * @param programs folders that come before those of the PATH
 */
export async function openShell(
  environment: Readonly<Record<string, string>>,
  programs: readonly string[],
): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-shell-'));
  const balde = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  await writeFile(join(folder, 'npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${balde}" "$@"\n`);
  await chmod(join(folder, 'npx'), 0o755);
  const path = [folder, ...programs, process.env['PATH'] ?? ''].join(delimiter);
  return {
    type: async (line) => {
      const { stdout } = await exec('bash', ['-c', line], { cwd: folder, env: { ...environment, PATH: path } });
      return stdout;
    },
    close: async () => await rm(folder, { recursive: true, force: true }),
  };
}
