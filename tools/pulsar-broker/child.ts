/** The broker's process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from './programs.ts';

const STOP_MS = 60_000;

export interface BrokerProcess {
  readonly pid: number;
  /** Resolves when the process is gone, whatever ended it. */
  readonly exited: Promise<void>;
  readonly isGone: () => boolean;
  /** SIGTERM and wait; SIGKILL when that takes longer than a minute. */
  readonly stop: () => Promise<void>;
  /** SIGKILL and wait. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  readonly pause: () => void;
  /** SIGCONT. */
  readonly resume: () => void;
}

/** Starts `java`, its output appended to `logFile`. */
export async function spawnBroker(
  java: string,
  args: readonly string[],
  logFile: string,
  env: Environment,
): Promise<BrokerProcess> {
  const log = openSync(logFile, 'a', 0o600);
  // In a process group of its own: Ctrl-C reaches this process alone, which stops the broker in order. The pipe at
  // standard input ends with this process, however it ends, and Standalone.java ends the broker then.
  const child = spawn(java, args, { detached: true, stdio: ['pipe', log, log], env });
  closeSync(log);
  child.stdin?.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return handleOf(child);
}

function handleOf(child: ChildProcess): BrokerProcess {
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const signal = (name: NodeJS.Signals): void => {
    if (!isGone()) child.kill(name);
  };
  const kill = async (): Promise<void> => {
    signal('SIGKILL');
    await exited;
  };
  return {
    pid: child.pid ?? 0,
    exited,
    isGone,
    kill,
    stop: async () => {
      signal('SIGCONT');
      signal('SIGTERM');
      const patience = new AbortController();
      const late = delay(STOP_MS, 'late', { signal: patience.signal, ref: false }).catch(() => 'done');
      const first = await Promise.race([exited, late]);
      patience.abort();
      if (first === 'late') await kill();
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  };
}
