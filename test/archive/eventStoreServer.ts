/** An EventStoreDB for the tests: a real one in a container where a Docker engine answers, else the double. */
import { existsSync } from 'node:fs';
import { EventStoreDouble } from './eventStoreDouble.ts';

const IMAGE = 'eventstore/eventstore:23.10.0-jammy';
const PORT = 2113;

export interface OpenEventStore {
  readonly url: string;
  readonly isReal: boolean;
  close(): Promise<void>;
}

export async function openEventStore(): Promise<OpenEventStore> {
  const hasEngine = process.env['DOCKER_HOST'] !== undefined || existsSync('/var/run/docker.sock');
  if (hasEngine) {
    try {
      return await startContainer();
    } catch (error) {
      // An engine that does not answer, or can't get the image, is as good as none; whoever watches should know.
      process.stderr.write(`eventstore: no container, the double is used: ${String(error)}\n`);
    }
  }
  const double = await new EventStoreDouble().start();
  return {
    url: double.url,
    isReal: false,
    close: async () => {
      double.stop();
      return Promise.resolve();
    },
  };
}

async function startContainer(): Promise<OpenEventStore> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ EVENTSTORE_INSECURE: 'true', EVENTSTORE_MEM_DB: 'true' })
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forHttp('/health/live', PORT).forStatusCodeMatching((code) => code < 300))
    .start();
  return {
    url: `esdb://${container.getHost()}:${container.getMappedPort(PORT)}?tls=false`,
    isReal: true,
    close: async () => {
      await container.stop();
    },
  };
}
