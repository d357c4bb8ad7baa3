/** Balde as users run it, beside a Bridge that keeps it busy. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { ROLES } from '../src/config/roles.ts';
import { packageRoot } from '../src/packageRoot.ts';
import type { Answer } from '../src/simulator/answer.ts';
import { BridgeRefusal } from '../src/simulator/bridge.ts';
import { PARTICIPANT } from './common.ts';

const POLICIES = 58;

/** Of each ten buckets one is above its threshold, below it, and above it again. */
export function busyBridge() {
  let polls = 0;
  const list = (): Answer => {
    polls += 1;
    const responseTime = Date.now();
    const policies = Array.from({ length: POLICIES }, (_, i) => ({
      name: `POLICY_${String(i).padStart(2, '0')}`,
      available_tokens: i % 10 === 7 && polls % 2 === 1 ? 50 : 700 - ((polls + i) % 50),
      capacity: 1_000,
      refill_tokens: 10,
      refill_period_sec: 60,
    }));
    return { responseTime, category: 'G', policies };
  };
  const read = (): never => {
    throw new BridgeRefusal(status.UNIMPLEMENTED, 'there are lists only');
  };
  return { list, read };
}

export interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it logged: warnings and worse. */
  readonly logged: () => string;
}

/** @param environment beside the database and the Bridge */
export async function startBalde(
  databaseUrl: string,
  bridgeAddress: string,
  environment: Readonly<Record<string, string>>,
  roles: readonly string[] = ROLES,
): Promise<Running> {
  const child = spawn(
    process.execPath,
    [join(packageRoot, 'dist', 'src', 'cli', 'balde.js'), 'start', '--roles', roles.join(',')],
    {
      env: {
        PATH: process.env['PATH'],
        ...{ DATABASE_URL: databaseUrl, PARTICIPANT, BRIDGE_ADDRESS: bridgeAddress },
        ...{ HTTP_PORT: '0', LOG_LEVEL: 'warn' },
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let logged = '';
  child.stderr.on('data', (chunk: Buffer) => (logged += chunk.toString()));
  const url = await new Promise<string>((found, failed) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const address = /http:\/\/[\d.]+:\d+/.exec(said)?.[0];
      if (address !== undefined) found(address);
    });
    child.once('exit', () => failed(new Error(`balde start ended: ${said}${logged}`)));
  });
  return { child, url, logged: () => logged };
}

export const megabytesOf = ({ pid }: ChildProcess): number =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024;
