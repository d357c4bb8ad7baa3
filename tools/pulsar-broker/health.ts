/** Waits until a broker is ready for clients. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerProcess } from './child.ts';
import { BrokerError, lastLines } from './errors.ts';

const POLL_MS = 100;
const REQUEST_MS = 5_000;
const LOG_LINES = 20;

export interface HealthOptions {
  readonly adminUrl: string;
  readonly token: string | undefined;
  readonly logFile: string;
  /** Bytes of the log that older runs wrote. */
  readonly logStart: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Whether the broker behind the admin URL has delivered a message to itself. False also when nothing answers. */
export const isHealthy = async (adminUrl: string, token?: string): Promise<boolean> =>
  (await answerOf(`${adminUrl}/admin/v2/brokers/health`, token)) === 'ok';

/** Standalone makes its namespace once it answers for its health, a moment too late for who begins at once. */
const isReady = async (adminUrl: string, token?: string): Promise<boolean> =>
  (await isHealthy(adminUrl, token)) &&
  (await answerOf(`${adminUrl}/admin/v2/namespaces/public/default`, token)) !== null;

/** @returns `null` for what is no success */
async function answerOf(url: string, token?: string): Promise<string | null> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const request = fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_MS) });
  return await request.then(async (answer) => (answer.ok ? await answer.text() : null)).catch(() => null);
}

/** @throws {BrokerError} with the broker's last words; the signal's reason when it aborts */
export async function whenHealthy(broker: BrokerProcess, options: HealthOptions): Promise<void> {
  const end = Date.now() + options.timeoutMs;
  while (!(await isReady(options.adminUrl, options.token))) {
    options.signal.throwIfAborted();
    if (broker.isGone()) throw await failure('The broker ended while it started', options);
    if (Date.now() > end) throw await failure(`The broker is not ready after ${options.timeoutMs / 1000} s`, options);
    await Promise.race([delay(POLL_MS), broker.exited]);
  }
}

async function failure(what: string, { logFile, logStart }: HealthOptions): Promise<BrokerError> {
  const log = (await readFile(logFile)).subarray(logStart).toString('utf8');
  if (/While lock file|lock hold by current process/.test(log)) {
    return new BrokerError(
      'folder-in-use',
      `${what}: another broker runs on the same data folder. Stop that one, or choose another folder.`,
    );
  }
  const advice = /Address already in use|BindException/.test(log)
    ? 'Another program took one of its ports: try again, or choose other ports.'
    : 'With too little memory, give it more or stop other programs. If its data are damaged, remove its data folder.';
  return new BrokerError(
    'not-healthy',
    `${what}. ${advice}\nThe last lines of its log, ${logFile}:\n${lastLines(log, LOG_LINES)}`,
  );
}
