/** A worker: the built program as a process of its own, watched through its log lines. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../src/packageRoot.ts';
import type { Settings } from './backend.ts';

const PROGRAM = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');

export interface WorkerOptions {
  readonly databaseUrl: string;
  readonly roles: readonly string[];
  readonly participant: string;
  readonly bridgeAddress: string;
  readonly pollInterval?: string;
  /** The program that was built from this project, without it. */
  readonly program?: string;
  /** More of its environment. */
  readonly settings?: Settings;
}

/** One line of the log, as far as the tests read it. */
interface LogLine {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  /** ISO, UTC. */
  readonly time: string;
  readonly msg: string;
  readonly participant?: string;
  /** ISO, UTC. */
  readonly response_time?: string;
  readonly observations?: number;
  readonly fold?: string;
  readonly status?: string;
  readonly reason?: string;
  /** Of a poll: the only policy asked for; `null`: all of them. */
  readonly policy?: string | null;
}

export interface Worker {
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Resolves with the exit code, `null` after a signal. */
  readonly exited: Promise<number | null>;
  /** Resolves once the worker committed, published or relayed something. */
  readonly firstWork: Promise<void>;
  readonly lines: readonly LogLine[];
  /** What is no log line: messages to a person, stack traces. */
  readonly text: readonly string[];
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
}

const WORK = new Set(['batch committed', 'observations published', 'outbox relayed']);

export function startWorker(options: WorkerOptions): Worker {
  const { program = PROGRAM } = options;
  const child = spawn(process.execPath, [program, 'start', '--roles', options.roles.join(',')], {
    env: environmentOf(options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: LogLine[] = [];
  const text: string[] = [];
  let worked: () => void = () => undefined;
  const firstWork = new Promise<void>((resolve) => (worked = resolve));
  const read = (line: string): void => {
    const parsed = parse(line);
    if (parsed === null) text.push(line);
    else lines.push(parsed);
    if (parsed !== null && WORK.has(parsed.msg)) worked();
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  if (child.pid === undefined) throw new Error(`${program} can't be started`);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid,
    startedAt: Date.now(),
    exited,
    firstWork,
    lines,
    text,
    isRunning,
    signal: (name) => send(child, name),
  };
}

function send(child: ChildProcess, name: NodeJS.Signals): void {
  child.kill(name);
}

function environmentOf(options: WorkerOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    DATABASE_URL: options.databaseUrl,
    PARTICIPANT: options.participant,
    BRIDGE_ADDRESS: options.bridgeAddress,
    POLL_INTERVAL: options.pollInterval ?? '200ms',
    HTTP_PORT: '0',
    LOG_LEVEL: 'debug',
    ...options.settings,
  };
}

/** A line that a kill cut short is text. */
function parse(line: string): LogLine | null {
  if (!line.startsWith('{') || !line.endsWith('}')) return null;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return null;
  }
}
