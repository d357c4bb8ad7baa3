/** Runs the built program, as a person would. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { packageRoot } from '../../src/packageRoot.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The environment holds nothing but what the program is given: no setting of the machine leaks in. `deaf` closes the
 * reading end of its standard output at once.
 */
export async function balde(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  how: { readonly deaf?: boolean } = {},
): Promise<Ended> {
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (how.deaf === true) child.stdout.destroy();
  const heard = how.deaf === true ? '' : text(child.stdout);
  const [stdout, stderr, code] = await Promise.all([heard, text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** What the program printed, which is for the test to describe. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the same as a cast at each call
export const jsonOf = <T>({ stdout }: Ended): T => JSON.parse(stdout) as T;
