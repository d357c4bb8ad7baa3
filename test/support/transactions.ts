/** A broker with transactions, and someone who publishes within them: the Pulsar client of Node has none. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensureBinding } from '../../tools/pulsar-binding/binding.ts';
import { startBroker } from '../../tools/pulsar-broker/broker.ts';
import { ensureClassPath } from '../../tools/pulsar-broker/jars.ts';
import { findJava } from '../../tools/pulsar-broker/programs.ts';

type TransactionStep = 'commit' | 'abort' | 'begin' | 'end';

export interface TransactionBroker {
  readonly url: string;
  readonly adminUrl: string;
  /** On one partition: `n` transactions of one message each; `begin` leaves one open until `end`. */
  readonly transact: (partitionUrl: string, step: TransactionStep, n?: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function startTransactionBroker(): Promise<TransactionBroker> {
  const report = (): void => undefined;
  await ensureBinding({ report });
  const dataDir = await mkdtemp(join(tmpdir(), 'balde-transactions-'));
  const settings = { transactionCoordinatorEnabled: true };
  const broker = await startBroker({ dataDir, quickStart: true, heap: '512m', settings });
  const java = await findJava(process.env);
  const classPath = await ensureClassPath({ env: process.env, java, report });
  const source = fileURLToPath(new URL('Transactions.java', import.meta.url));
  const program = spawn(java, ['-Xmx128m', '-cp', classPath, source, broker.serviceUrl], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answers = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const transact = async (url: string, step: TransactionStep, n = 1): Promise<void> => {
    program.stdin.write(`${url} ${step} ${n}\n`);
    for (;;) {
      const { value, done } = (await answers.next()) as IteratorResult<string, undefined>;
      if (done === true) throw new Error('the program that publishes within transactions has ended');
      if (value === 'done') return;
    }
  };
  const close = async (): Promise<void> => {
    const ended = program.exitCode === null ? once(program, 'exit') : null;
    program.kill('SIGKILL');
    await ended;
    await broker.kill();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { url: broker.serviceUrl, adminUrl: broker.adminUrl, transact, close };
}
