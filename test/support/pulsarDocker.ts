/** A Pulsar broker in a container, where a Docker engine answers. */
import { existsSync } from 'node:fs';
import { get } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import type { OpenBroker } from './pulsarBroker.ts';

const IMAGE = 'apachepulsar/pulsar:4.0.7';
const PING_MS = 1_000;
/** The image is about 1 GB, the first time. */
const START_MS = 300_000;

interface Engine {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: string;
}

/** @throws {Error} why there is none */
export async function openInDocker(): Promise<OpenBroker> {
  const engine = findEngine();
  if (!(await answers(engine))) {
    throw new Error(`no Docker engine answers at ${engine.socketPath ?? `${engine.host}:${engine.port}`}`);
  }
  return await startContainer();
}

function findEngine(): Engine {
  const given = process.env['DOCKER_HOST'];
  if (given?.startsWith('unix://') === true) return { socketPath: given.slice('unix://'.length) };
  if (given !== undefined && given !== '') {
    const { hostname, port } = new URL(given);
    return { host: hostname, port };
  }
  const usual = [
    '/var/run/docker.sock',
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
    join(process.env['XDG_RUNTIME_DIR'] ?? '/run', 'docker.sock'),
  ];
  const socketPath = usual.find((path) => existsSync(path));
  if (socketPath === undefined)
    throw new Error('no Docker engine: DOCKER_HOST is not set and no usual socket is there');
  return { socketPath };
}

/** Asked first: testcontainers takes long to find out. Any answer will do, that of an engine with TLS too. */
const answers = async (engine: Engine): Promise<boolean> =>
  await new Promise((resolve) => {
    const request = get({ ...engine, path: '/_ping', timeout: PING_MS }, (response) => {
      response.destroy();
      resolve(true);
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', () => resolve(false));
  });

/** The broker tells clients its own address: it must listen on the same port inside as outside. */
async function startContainer(): Promise<OpenBroker> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const [service, admin] = [await freePort(), await freePort()];
  const container = await new GenericContainer(IMAGE)
    .withExposedPorts({ container: service, host: service }, { container: admin, host: admin })
    .withEnvironment({
      PULSAR_PREFIX_brokerServicePort: String(service),
      PULSAR_PREFIX_webServicePort: String(admin),
      PULSAR_PREFIX_advertisedAddress: '127.0.0.1',
      PULSAR_PREFIX_nettyMaxFrameSizeBytes: '5253120',
      PULSAR_MEM: '-Xmx768m -XX:MaxDirectMemorySize=768m',
    })
    .withCommand([
      'sh',
      '-c',
      'bin/apply-config-from-env.py conf/standalone.conf && exec bin/pulsar standalone -nfw -nss -a 127.0.0.1',
    ])
    .withWaitStrategy(Wait.forHttp('/admin/v2/brokers/health', admin))
    .withStartupTimeout(START_MS)
    .start();
  return {
    url: `pulsar://127.0.0.1:${service}`,
    adminUrl: `http://127.0.0.1:${admin}`,
    close: async () => {
      await container.stop();
    },
  };
}
