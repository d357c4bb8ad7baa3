/** Runs the built program: in this process, or in one of its own where the process itself is what is tested. */
import type * as Fail from '../../src/cli/fail.ts';
import type * as Program from '../../src/cli/program.ts';
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { Console } from 'node:console';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { packageRoot } from '../../src/packageRoot.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

const CLI = join(packageRoot, 'dist', 'src', 'cli');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The environment holds nothing but what the program is given: no setting of the machine leaks in. */
const environmentOf = (given: Environment): Record<string, string> => ({ PATH: process.env['PATH'] ?? '', ...given });

/** In a process of its own. `deaf` closes the reading end of its standard output at once. */
export async function baldeProcess(
  args: readonly string[],
  environment: Environment = {},
  how: { readonly deaf?: boolean } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(CLI, 'balde.js'), ...args], {
    env: environmentOf(environment),
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

/** What code finds in the globals that a process has of its own, while it is called by a run. */
interface Run {
  readonly env: Record<string, string>;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly console: Console;
}

const runs = new AsyncLocalStorage<Run>();

/** Keeps what is written to it. */
class Heard extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  text = (): string => Buffer.concat(this.#chunks).toString();
}

/** Replaces a global by what the run that asks for it has in its place; everybody else gets the global. */
function givePerRun(of: object, name: keyof Run): void {
  const global: unknown = Reflect.get(of, name);
  Object.defineProperty(of, name, { configurable: true, get: () => runs.getStore()?.[name] ?? global });
}

givePerRun(process, 'env');
givePerRun(process, 'stdout');
givePerRun(process, 'stderr');
givePerRun(globalThis, 'console');

/**
 * In this process, which takes a tenth of the time; start gets a process of its own, as it writes to the file
 * descriptors themselves. What signals, closed pipes and Node's own options do needs {@link baldeProcess}.
 */
export async function balde(args: readonly string[], environment: Environment = {}): Promise<Ended> {
  if (args[0] === 'start') return await baldeProcess(args, environment);
  const [stdout, stderr] = [new Heard(), new Heard()];
  const run = { env: environmentOf(environment), stdout, stderr, console: new Console(stdout, stderr) };
  const listeners = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const);
  const code = await runs.run(run, async () => await exitCodeOf(args));
  for (const [signal, before] of listeners)
    for (const added of process.listeners(signal)) if (!before.includes(added)) process.off(signal, added);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

async function exitCodeOf(args: readonly string[]): Promise<number> {
  const [{ createProgram }, { fail }] = await Promise.all([
    built<typeof Program>('program.js'),
    built<typeof Fail>('fail.js'),
  ]);
  try {
    const program = await createProgram(args);
    throwInsteadOfExit(program);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    fail(error);
  }
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  return code;
}

const built = async <T>(file: string): Promise<T> => (await import(pathToFileURL(join(CLI, file)).href)) as T;

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwInsteadOfExit);
}

/** What the program printed, which is for the test to describe. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the same as a cast at each call
export const jsonOf = <T>({ stdout }: Ended): T => JSON.parse(stdout) as T;
