/** The probe of the image, run as the engine runs it. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { issue } from '../support/certificates.ts';

const server = createServer((request, response) => {
  if (request.url === '/hangs') return;
  response.writeHead(request.url === '/healthz' ? 200 : 503).end();
});
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Exit code and standard error. */
async function probe(...args: string[]): Promise<{ code: number; told: string }> {
  const script = join(packageRoot, 'docker', 'healthcheck.cjs');
  return await new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], { env: { HTTP_PORT: String(port) } }, (_, __, told) =>
      resolve({ code: child.exitCode ?? -1, told }),
    );
  });
}

it('asks the /healthz of its own container unless told otherwise', async () => {
  expect(await probe()).toEqual({ code: 0, told: '' });
});

it('fails on any other status', async () => {
  const { code, told } = await probe(`http://127.0.0.1:${port}/readyz`);
  expect(code).toBe(1);
  expect(told).toContain('status 503');
});

it('fails when no answer comes', async () => {
  const { code, told } = await probe(`http://127.0.0.1:${port}/hangs`);
  expect(code).toBe(1);
  expect(told).toContain('no answer within 3 s');
});

it('takes a port that listens as well, and fails where none does', async () => {
  expect((await probe(`tcp://127.0.0.1:${port}`)).code).toBe(0);
  const { code, told } = await probe('tcp://127.0.0.1:1');
  expect(code).toBe(1);
  expect(told).toContain('ECONNREFUSED');
});

it('asks by HTTPS where that is served, whatever name the certificate has', async () => {
  const { keyPem: key, certPem: cert } = issue('balde.example.com');
  const secure = createTlsServer({ key, cert }, (_, response) => response.end());
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const env = { HTTP_PORT: String((secure.address() as AddressInfo).port), HTTP_TLS_CERT_FILE: 'cert.pem' };
  const script = join(packageRoot, 'docker', 'healthcheck.cjs');
  const code = await new Promise((resolve) => execFile(process.execPath, [script], { env }).once('close', resolve));
  secure.closeAllConnections();
  await new Promise((resolve) => secure.close(resolve));
  expect(code).toBe(0);
});
