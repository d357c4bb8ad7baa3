/** A Pulsar broker of its own, to be killed; and ways to it whose connections can go silent. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBinding } from '../../tools/pulsar-binding/binding.ts';
import { startBroker } from '../../tools/pulsar-broker/broker.ts';
import type { Broker } from '../../tools/pulsar-broker/broker.ts';
import { choosePorts } from '../../tools/pulsar-broker/ports.ts';
import { deadProxy } from '../support/deadProxy.ts';
import type { DeadProxy } from '../support/deadProxy.ts';
import type { Address } from './onPulsar.ts';

/** A way to the broker through a proxy: clients' connections and those of the REST interface. */
export interface Way extends Address {
  /** Connections that are open stay open, and nothing comes through any more. New ones work. */
  silence(): void;
}

export interface KillableBroker {
  readonly direct: Address;
  readonly ways: readonly Way[];
  /** SIGKILL, then a new process on the same files and ports. */
  kill(): Promise<void>;
  /** Ends it and removes its files; also when it is down. */
  remove(): Promise<void>;
}

/** Peers that are gone are noticed sooner than by default, so that a run sees many takeovers. */
const SETTINGS = {
  keepAliveIntervalSeconds: 3,
  connectionLivenessCheckTimeoutMillis: 2_000,
  activeConsumerFailoverDelayTimeMillis: 200,
  // Ledgers as short as this end and begin all the time.
  managedLedgerMaxEntriesPerLedger: 400,
  managedLedgerMinLedgerRolloverTimeMinutes: 0,
} as const;

export async function startKillableBroker(ways: number): Promise<KillableBroker> {
  const report = (line: string): void => void process.stderr.write(`pulsar: ${line}\n`);
  await ensureBinding({ report });
  const dataDir = await mkdtemp(join(tmpdir(), 'balde-faults-'));
  const ports = await choosePorts({ service: 0, admin: 0 });
  const url = `pulsar://127.0.0.1:${ports.service}`;
  const adminUrl = `http://127.0.0.1:${ports.admin}`;
  const proxies = await Promise.all(Array.from({ length: ways }, async () => await openWay(url, adminUrl)));
  const listeners = proxies.map(({ way }) => `${way.listener}:${way.url}`);
  const start = async (): Promise<Broker> =>
    await startBroker({
      dataDir,
      ports,
      quickStart: true,
      report,
      settings: {
        ...SETTINGS,
        // Pulsar refuses both an address and listeners; its bookie then needs leave to listen on 127.0.0.1.
        advertisedAddress: '',
        allowLoopback: true,
        advertisedListeners: [`direct:${url}`, ...listeners].join(','),
        internalListenerName: 'direct',
      },
    });
  const remove = async (): Promise<void> => {
    await broker?.kill();
    await Promise.all(proxies.flatMap(({ parts }) => parts.map(async (proxy) => proxy.kill())));
    await rm(dataDir, { recursive: true, force: true });
  };
  let broker: Broker | null = null;
  try {
    broker = await start();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    direct: { url, adminUrl },
    ways: proxies.map(({ way }) => way),
    kill: async () => {
      await broker?.kill();
      broker = await start();
    },
    remove,
  };
}

interface OpenWay {
  readonly way: Way & { readonly listener: string };
  readonly parts: readonly DeadProxy[];
}

async function openWay(url: string, adminUrl: string): Promise<OpenWay> {
  const [service, admin] = await Promise.all([deadProxy(url), deadProxy(adminUrl)]);
  const through = service.through(url);
  return {
    way: {
      url: through,
      adminUrl: admin.through(adminUrl),
      listener: `way${new URL(through).port}`,
      silence: () => {
        service.silence();
        admin.silence();
      },
    },
    parts: [service, admin],
  };
}
