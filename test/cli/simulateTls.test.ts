import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { createBridgeClient } from '../../src/poll/bridgeClient.ts';
import { issue } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { balde } from './balde.ts';

const folder = mkdtempSync(join(tmpdir(), 'balde-simulate-tls-'));
const keep = (name: string, content: Buffer | string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const authority = issue('authority');
const server = issue('localhost', authority);
const client = issue('client', authority);
const cert = keep('cert', server.certPem);
const key = keep('key', server.keyPem);
const ca = keep('ca', authority.certPem);

async function simulating(...args: string[]): Promise<string> {
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  const child = spawn(process.execPath, [program, 'simulate', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (bytes) => (text += String(bytes)));
  const port = await eventually('it serves', async () => Promise.resolve(/at \S+:(\d+)/.exec(text)?.[1]));
  return `127.0.0.1:${port}`;
}

async function policies(
  address: string,
  identity: { readonly cert: Buffer; readonly key: Buffer } | null,
): Promise<number> {
  const tls = {
    ca: authority.certPem,
    serverName: 'localhost',
    ...(identity === null ? {} : { client: identity }),
  };
  const bridge = createBridgeClient({ address, participant: '12345678', tls });
  onTestFinished(() => bridge.close());
  const { signal } = new AbortController();
  const answer = await bridge.listPolicies({ correlationId: 'a'.repeat(32), deadlineMs: 10_000, signal });
  return answer.policies.length;
}

describe('balde simulate with TLS', () => {
  test('serves a client that knows its authority', async () => {
    const address = await simulating('--tls-cert', cert, '--tls-key', key);
    expect(await policies(address, null)).toBeGreaterThan(20);
  });

  test('asks for a certificate when given an authority of clients', async () => {
    const address = await simulating('--tls-cert', cert, '--tls-key', key, '--tls-ca', ca);
    expect(await policies(address, { cert: client.certPem, key: client.keyPem })).toBeGreaterThan(20);
    await expect(policies(address, null)).rejects.toThrow();
  });

  test.each([
    [['--tls-cert', cert], 'TLS needs both --tls-cert and --tls-key'],
    [['--tls-key', key], 'TLS needs both --tls-cert and --tls-key'],
    [['--tls-cert', join(folder, 'none'), '--tls-key', key], '--tls-cert: '],
    [['--tls-cert', key, '--tls-key', key], '--tls-cert: '],
    [['--tls-cert', ca, '--tls-key', key], '--tls-key: '],
  ])('%s is told', async (args, message) => {
    const { code, stderr } = await balde(['simulate', '--port', '0', ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('defect');
  });
});
