/** Runs a program quietly, with a time limit, and keeps the end of what it wrote. */
import { spawn } from 'node:child_process';
import { codeOf } from './errors.ts';

/** How a program ended. `output` is standard output and standard error together, at most the last 64 KiB. */
export interface Outcome {
  ok: boolean;
  /** The program is not on the PATH (or not executable). */
  missing: boolean;
  timedOut: boolean;
  output: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds after which the program is killed. */
  timeoutMs: number;
}

const keptOutput = 64 * 1024;

/** Never rejects: a program that cannot be started is an {@link Outcome} like any other. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // npm is a script file on Windows, which only a shell can start.
      shell: process.platform === 'win32' && command === 'npm',
    });
    let output = '';
    let timedOut = false;
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-keptOutput);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    const settle = (ok: boolean, missing: boolean): void => {
      clearTimeout(timer);
      resolve({ ok, missing, timedOut, output });
    };
    child.on('error', (error) => {
      output += error.message;
      const code = codeOf(error);
      settle(false, code === 'ENOENT' || code === 'EACCES');
    });
    child.on('close', (code, signal) => {
      if (signal !== null && !timedOut) output += `\nended by ${signal}`;
      settle(code === 0, false);
    });
  });
}
