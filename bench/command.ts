/** The program as a benchmark runs it: in a process of its own, with JSON as its answer. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { packageRoot } from '../src/packageRoot.ts';

export interface Ran<T> {
  readonly report: T;
  readonly code: number | null;
  readonly seconds: number;
}

/**
 * Runs a command to its end, on the embedded log.
 * @param root a checkout that is built
 * @throws it printed no JSON
 */
export async function balde<T>(url: string, args: readonly string[], root = packageRoot): Promise<Ran<T>> {
  const start = performance.now();
  const program = join(root, 'dist', 'src', 'cli', 'balde.js');
  const child = spawn(process.execPath, [program, ...args, '--json'], {
    env: { ...process.env, PULSAR_URL: '', DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const printed = await textOf(child.stdout);
  const code = await ended;
  const seconds = (performance.now() - start) / 1000;
  if (printed === '') throw new Error(`balde ${args.join(' ')} printed nothing and ended with ${code}`);
  return { report: JSON.parse(printed) as T, code, seconds };
}
