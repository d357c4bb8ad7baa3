/**
 * One real Pulsar broker for the whole run, when a test file of the run needs it; else the reason why there
 * is none.
 */
import type { TestProject } from 'vitest/node';
import { ensureBinding } from '../../tools/pulsar-binding/binding.ts';
import { openBroker } from './pulsarBroker.ts';
import { needsBroker } from './lanes.ts';
import { isWithoutPulsar } from './pulsarSuites.ts';

declare module 'vitest' {
  interface ProvidedContext {
    pulsarUrl: string | undefined;
    pulsarAdminUrl: string | undefined;
    /** Why there is no broker, and what to do. */
    pulsarMissing: string | undefined;
  }
}

type Teardown = () => Promise<void>;

export default async function setup(project: TestProject): Promise<Teardown | undefined> {
  if (isWithoutPulsar) {
    return async () => {
      process.stderr.write('\nThe tests on Pulsar were left out: BALDE_TEST_WITHOUT_PULSAR=1 is set.\n');
      return Promise.resolve();
    };
  }
  if (!needsBroker(await filesOf(project))) return undefined;
  const report = (line: string): void => void process.stderr.write(`pulsar-client: ${line}\n`);
  const [binding, broker] = await Promise.allSettled([ensureBinding({ report }), openBroker()]);
  const failed = [binding, broker].flatMap((part) => (part.status === 'rejected' ? [part.reason as unknown] : []));
  if (broker.status === 'fulfilled' && failed.length === 0) {
    project.provide('pulsarUrl', broker.value.url);
    project.provide('pulsarAdminUrl', broker.value.adminUrl);
  } else {
    const reasons = failed.map((error) => (error instanceof Error ? error.message : String(error)));
    project.provide('pulsarMissing', reasons.join('\n'));
  }
  return broker.status === 'fulfilled' ? async () => await broker.value.close() : undefined;
}

/** The test files of this run: those that match the names on the command line. */
async function filesOf(project: TestProject): Promise<string[]> {
  // Vitest keeps the names for itself. Should it call them otherwise one day, every file counts.
  const { filenamePattern } = project.vitest as unknown as { readonly filenamePattern?: string[] };
  return (await project.globTestFiles(filenamePattern)).testFiles;
}
