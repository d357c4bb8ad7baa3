/** The built program while it runs. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { required } from '../../src/required.ts';
import type { Environment } from '../../tools/pulsar-broker/programs.ts';
import { eventually } from './eventually.ts';

export interface Running {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Waits until the output holds it. */
  says(what: RegExp, ms?: number): Promise<void>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** Runs the built program until it ends or is stopped. */
export function run(args: readonly string[], environment: Environment): Running {
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HTTP_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  afterAll(() => void child.kill('SIGKILL'));
  const all = (): string => out.join('') + err.join('');
  return {
    pid: required(child.pid, 'the program was started'),
    stdout: () => out.join(''),
    stderr: () => err.join(''),
    ended,
    says: async (what, ms = 30_000) => {
      await eventually(`the program says ${what.source}`, async () => Promise.resolve(what.test(all())), ms).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\nit said:\n${all()}`, { cause: error });
        },
      );
    },
    stop: async () => {
      child.kill('SIGTERM');
      return await ended;
    },
  };
}

/** The last words of a program: what is not a line of its log. */
export const lastWords = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => !line.startsWith('{'))
    .join('\n');
