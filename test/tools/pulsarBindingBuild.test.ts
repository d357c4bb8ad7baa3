/** Builds the addon really: from an empty cache, into a copy of the package. */
import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  openSync,
  closeSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BindingOptions, type BindingResult, ensureBinding } from '../../tools/pulsar-binding/binding.ts';
import { bindingFolder, hashesOf, stampedState } from '../../tools/pulsar-binding/load.ts';
import { thisMachine } from '../../tools/pulsar-binding/platform.ts';
import { type TestProject, fakeCommand, makeProject, pathOf } from './pulsarBindingProject.ts';

let project: TestProject;
let lines: string[] = [];
beforeAll(async () => {
  await ensureBinding();
  project = makeProject();
}, 300_000);
afterAll(() => project.remove());

async function ensure(options: BindingOptions = {}): Promise<BindingResult> {
  lines = [];
  const { root, cacheFolder } = project;
  return ensureBinding({
    root,
    cacheFolder,
    prebuilt: false,
    report: (line) => lines.push(line),
    ...options,
  });
}

/** Runs a script that has the package as `pulsar`; returns what it printed. Every symbol is resolved at once. */
async function inChild(script: string): Promise<string> {
  const code = `const pulsar = require(${JSON.stringify(project.packageFolder)});(async () => {${script}})();`;
  const env = { ...process.env, LD_BIND_NOW: '1' };
  return (await promisify(execFile)(process.execPath, ['-e', code], { env, timeout: 60_000 })).stdout;
}

/** The compiler without its optimizing, most of its time: the addon of all other tests is built as it is. */
function quickCompiler(): NodeJS.ProcessEnv {
  const folder = join(project.root, 'quick');
  mkdirSync(folder);
  fakeCommand(folder, 'g++', `PATH='${process.env['PATH'] ?? ''}' exec g++ "$@" -O0`);
  return pathOf(folder, true);
}

const library = (): string => {
  const name = readdirSync(bindingFolder(project.packageFolder)).find((file) => file.endsWith('.so'));
  if (name === undefined) throw new Error('the library is missing');
  return join(bindingFolder(project.packageFolder), name);
};

// The tests build on one another: each finds the state that the one before it left.
describe('the addon built on libpulsar of the Python wheel', () => {
  it('is built from an empty cache and loads', { timeout: 300_000 }, async () => {
    const { source, addon } = await ensure({ env: quickCompiler() });
    expect(source).toBe('built');
    expect(existsSync(addon)).toBe(true);
    expect(lines.join('\n')).toMatch(/fetching libpulsar[^]*compiling the addon[^]*loading the addon/);
    expect(await inChild(`console.log(pulsar.MessageId.latest().toString())`)).toContain('9223372036854775807');
    expect(readFileSync(join(project.packageFolder, 'src', 'cert.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
    expect(readdirSync(project.cacheFolder)).toHaveLength(1);
  });

  it('reports a closed port through its log function, and closes', async () => {
    const printed = await inChild(`
      const said = [];
      const log = (level, file, line, message) => said.push(message);
      const client = new pulsar.Client({ serviceUrl: 'pulsar://127.0.0.1:1', operationTimeoutSeconds: 1, log });
      const failed = await client.createProducer({ topic: 'none' }).catch((error) => error.message);
      await client.close();
      console.log(JSON.stringify({ failed, refused: said.some((text) => text.includes('refused')) }));`);
    expect(printed.trim()).toMatch(/^\{"failed":"Failed to create producer: .*","refused":true\}$/);
  });

  it('reaches its C++ classes: schema, key reader, failover, authentication', async () => {
    const printed = await inChild(`
      const client = new pulsar.Client({
        operationTimeoutSeconds: 1,
        serviceUrlProvider: { primary: 'pulsar://127.0.0.1:1', secondary: ['pulsar://127.0.0.1:2'] },
        authentication: new pulsar.AuthenticationToken({ token: 'none' }),
        log: () => undefined,
      });
      const failures = await Promise.allSettled([
        client.createProducer({
          topic: 'none', batchingType: 'KeyBasedBatching', encryptionKey: 'k',
          schema: { schemaType: 'Avro', name: 'n', schema: '"string"', properties: { a: 'b' } },
          cryptoKeyReader: new (class extends pulsar.CryptoKeyReader {})(),
        }),
        client.subscribe({
          topic: 'none', subscription: 's', subscriptionType: 'KeyShared', replicateSubscriptionState: true,
          keySharedPolicy: { keyShareMode: 'Sticky', allowOutOfOrderDelivery: true, stickyRanges: [{ start: 0, end: 99 }] },
        }),
      ]);
      await client.close();
      console.log(failures.map(({ status }) => status).join());`);
    expect(printed.trim()).toBe('rejected,rejected');
  });

  it('is then known at once', async () => {
    expect(stampedState(project.packageFolder, thisMachine())).toBe('loadable');
    expect((await ensure({ env: pathOf(project.bin) })).source).toBe('present');
    expect(lines).toEqual([]);
  });

  it('comes back from the cache when node_modules was made anew', async () => {
    rmSync(join(project.packageFolder, 'lib'), { recursive: true });
    expect((await ensure({ env: pathOf(project.bin) })).source).toBe('cache');
  });

  it('is replaced when damaged, even if the damage does not show in loading', async () => {
    truncateSync(join(bindingFolder(project.packageFolder), 'pulsar.node'), 1000);
    expect((await ensure({ env: pathOf(project.bin) })).source).toBe('cache');
    const file = openSync(library(), 'r+');
    writeSync(file, Buffer.from('damage'), 0, 6, 12_000_000);
    closeSync(file);
    expect((await ensure({ env: pathOf(project.bin) })).source).toBe('cache');
    expect(lines.join('\n')).toContain('replaced or damaged');
    expect((await ensure()).source).toBe('present');
  });

  it('is prepared once for any number of callers', async () => {
    rmSync(join(project.packageFolder, 'lib'), { recursive: true });
    const results = await Promise.all(Array.from({ length: 3 }, async () => ensure()));
    expect(results.map(({ source }) => source).sort()).toEqual(['cache', 'present', 'present']);
  });

  it('is fetched ready-made where that is to be had', async () => {
    const archive = join(project.root, 'addon.tar.gz');
    execFileSync('tar', ['-czf', archive, '-C', join(project.packageFolder, 'lib'), 'binding']);
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(readFileSync(archive));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const mirror = { npm_config_pulsar_binary_host_mirror: `http://127.0.0.1:${port}/` };
    const env = { ...pathOf(project.bin), ...mirror };
    try {
      expect((await ensure({ force: true, prebuilt: true, env })).source).toBe('prebuilt');
    } finally {
      server.close();
    }
    const { platform, libc, arch } = thisMachine();
    expect(asked).toEqual([`/pulsar-client-node-1.18.0/napi-${platform}-${libc}-${arch}.tar.gz`]);
    expect((await ensure({ env: pathOf(project.bin) })).source).toBe('present');
  });

  it('is not taken from a cache that holds something else', async () => {
    rmSync(join(project.packageFolder, 'lib'), { recursive: true });
    const [key = ''] = readdirSync(project.cacheFolder);
    const entry = join(project.cacheFolder, key);
    writeFileSync(join(entry, 'pulsar.node'), 'damaged after it was stored');
    await expect(ensure({ env: pathOf(project.bin) })).rejects.toThrow(/g\+\+ is not on the PATH/);
    expect(lines).toEqual([]);

    writeFileSync(join(entry, 'manifest.json'), `${JSON.stringify(hashesOf(entry), null, 2)}\n`);
    await expect(ensure({ env: pathOf(project.bin) })).rejects.toThrow(/g\+\+ is not on the PATH/);
    expect(lines.join('\n')).toContain('the addon in the cache does not load here');
    expect(existsSync(entry)).toBe(false);
  });
});
