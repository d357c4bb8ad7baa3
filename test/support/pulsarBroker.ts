/** A Pulsar broker for the tests from the first of three sources that has one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../../tools/pulsar-broker/broker.ts';
import { isHealthy } from '../../tools/pulsar-broker/health.ts';
import { openInDocker } from './pulsarDocker.ts';

export interface OpenBroker {
  readonly url: string;
  readonly adminUrl: string;
  close(): Promise<void>;
}

/**
 * Waits of the broker that tests would sit through: before a new holder of a partition is served (1 s by default), and
 * twice the other one before a client that went silent is let go (30 s).
 */
const IMPATIENCE = { activeConsumerFailoverDelayTimeMillis: 100, keepAliveIntervalSeconds: 10 } as const;

const WHAT_TO_DO =
  'Do one of these: set PULSAR_TEST_URL and PULSAR_TEST_ADMIN_URL to a broker that tests may fill; start Docker; ' +
  'install a JDK (17 or newer) and Maven. BALDE_TEST_WITHOUT_PULSAR=1 leaves these tests out instead.';

/**
 * The broker that PULSAR_TEST_URL names; else one in Docker; else one on this machine's Java.
 *
 * @throws {Error} why none of them gave one, and what to do
 */
export async function openBroker(): Promise<OpenBroker> {
  const reasons: string[] = [];
  const sources = [
    ['PULSAR_TEST_URL', openGiven],
    ['Docker', openInDocker],
    ['Java and Maven', openOnJava],
  ] as const;
  for (const [name, open] of sources) {
    try {
      return await open();
    } catch (error) {
      reasons.push(`  ${name}: ${error instanceof Error ? error.message : String(error)}`);
      // Whoever names a broker means that one: tests on another would tell nothing about it.
      if (open === openGiven && process.env['PULSAR_TEST_URL'] !== undefined) break;
    }
  }
  throw new Error(`There is no Pulsar broker for the tests.\n${reasons.join('\n')}\n${WHAT_TO_DO}`);
}

async function openGiven(): Promise<OpenBroker> {
  const { PULSAR_TEST_URL: url, PULSAR_TEST_ADMIN_URL: adminUrl } = process.env;
  if (url === undefined) throw new Error('it is not set');
  if (adminUrl === undefined) throw new Error('PULSAR_TEST_ADMIN_URL must be set beside it');
  if (!(await isHealthy(adminUrl))) throw new Error(`no healthy broker answers at ${adminUrl}`);
  return { url, adminUrl, close: async () => Promise.resolve() };
}

async function openOnJava(): Promise<OpenBroker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'balde-pulsar-'));
  const remove = async (): Promise<void> => await rm(dataDir, { recursive: true, force: true });
  try {
    const report = (line: string): void => void process.stderr.write(`pulsar: ${line}\n`);
    const broker = await startBroker({ dataDir, quickStart: true, report, settings: IMPATIENCE });
    const close = async (): Promise<void> => {
      // Nobody reads its data again: an orderly stop takes seconds.
      await broker.kill();
      await remove();
    };
    return { url: broker.serviceUrl, adminUrl: broker.adminUrl, close };
  } catch (error) {
    await remove();
    throw error;
  }
}
