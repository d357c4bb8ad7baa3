/** What the broker's starter says where it can't start one. Java and Maven are pretended. */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startBroker } from '../../tools/pulsar-broker/broker.ts';
import type { Broker, BrokerOptions } from '../../tools/pulsar-broker/broker.ts';
import { fakeMachine, JAVA_17, MAVEN } from './pulsarBrokerFakes.ts';

async function start(
  commands: Readonly<Record<string, string>>,
  options: Partial<BrokerOptions> = {},
): Promise<Broker> {
  const { env, folder } = await fakeMachine(commands);
  return await startBroker({ dataDir: join(folder, 'data'), env, ...options });
}

test('without Java it names the package to install', async () => {
  await expect(start({})).rejects.toMatchObject({
    problem: 'no-java',
    message: expect.stringMatching(/No Java on the PATH\. Install a JDK, version 17 or newer/) as string,
  });
});

test('JAVA_HOME that holds no Java is named', async () => {
  const { env, folder } = await fakeMachine({ java: JAVA_17 });
  const options = { dataDir: folder, env: { ...env, JAVA_HOME: '/nowhere' } };
  await expect(startBroker(options)).rejects.toThrow('/nowhere/bin/java, where JAVA_HOME points');
});

test.each([
  ['11.0.22', 11],
  ['1.8.0_402', 8],
])('Java %s is too old', async (version, major) => {
  const java = `echo 'openjdk version "${version}" 2024-01-16' >&2`;
  await expect(start({ java })).rejects.toMatchObject({
    problem: 'old-java',
    message: expect.stringContaining(`is version ${major}. Install a JDK, version 17 or newer`) as string,
  });
});

test('without Maven it names the package to install', async () => {
  await expect(start({ java: JAVA_17 })).rejects.toMatchObject({
    problem: 'no-maven',
    message: expect.stringContaining('apt-get install maven') as string,
  });
});

test('a download that fails shows what Maven said last, and leaves no half cache behind', async () => {
  const mvn = `echo '[ERROR] Could not transfer artifact x: Connection refused'; exit 1`;
  const { env, folder } = await fakeMachine({ java: JAVA_17, mvn });
  await expect(startBroker({ dataDir: folder, env })).rejects.toMatchObject({
    problem: 'download-failed',
    message: expect.stringMatching(/Connection refused[^]*settings\.xml/) as string,
  });
  expect(await readdir(join(folder, 'cache', 'pulsar-broker'))).toEqual([]);
});

test('a Java without compiler is told from a JDK', async () => {
  const java = `case "$*" in
    -version) echo 'openjdk version "21.0.1"' >&2 ;;
    *) echo 'Module jdk.compiler not found' >&2; exit 1 ;;
  esac`;
  await expect(start({ java, mvn: MAVEN })).rejects.toMatchObject({
    problem: 'no-compiler',
    message: expect.stringContaining('a runtime without compiler. Install a JDK') as string,
  });
});

test('two starts at once fetch once; a broker that ends shows its last words', async () => {
  const { env, folder } = await fakeMachine({ java: JAVA_17, mvn: MAVEN });
  const starts = ['a', 'b'].map(async (name) => await startBroker({ dataDir: join(folder, name), env }));
  for (const end of await Promise.allSettled(starts)) {
    expect(end).toMatchObject({
      status: 'rejected',
      reason: {
        problem: 'not-healthy',
        message: expect.stringMatching(/ended while it started[^]*the disk is on fire$/) as string,
      },
    });
  }
  expect(await readFile(env['COUNT'] ?? '', 'utf8')).toBe('run\n');
});

test('a port that is taken is named', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => await new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  await expect(start({ java: JAVA_17 }, { ports: { admin: port } })).rejects.toMatchObject({
    problem: 'port-taken',
    message: expect.stringMatching(`Port ${port} .*is taken. Stop what uses it, or choose another`) as string,
  });
});

test('a secret key of the wrong length is refused', async () => {
  const { env, folder } = await fakeMachine({ java: JAVA_17, mvn: MAVEN });
  const tokenSecretFile = join(folder, 'secret');
  await writeFile(tokenSecretFile, 'short');
  await expect(startBroker({ dataDir: folder, env, tokenSecretFile })).rejects.toMatchObject({
    problem: 'bad-secret',
    message: expect.stringContaining('has 5 bytes; a key for HS256 has 32') as string,
  });
});
