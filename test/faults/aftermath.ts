/** What is looked at once the faults are over. */
import type { EventLog } from '../../src/log/eventLog.ts';
import { loadCheckpoints } from '../../src/store/checkpoints.ts';
import { firstVersionOf } from '../../src/store/schemas.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { listVersions } from '../../src/store/versions.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import type { OracleObservation } from '../oracle/oracle.ts';
import { eventually, LONG_MS } from '../support/eventually.ts';
import type { Backend } from './backend.ts';
import type { Worker } from './worker.ts';

export interface Inspection {
  readonly database: Database;
  readonly log: EventLog;
  close(): Promise<void>;
}

export function inspect(url: string, backend: Backend): Inspection {
  const database = openDatabase({ url, applicationName: 'inspection' });
  const log = backend.open(database);
  const close = async (): Promise<void> => {
    await log.close();
    await database.close();
  };
  return { database, log, close };
}

/** Resolves once every fold (of a read model the version in service) is at its topic's end, and the outbox is empty. */
export async function catchUp(database: Database, log: EventLog, ms = LONG_MS): Promise<void> {
  const isDone = async (): Promise<boolean> => {
    const served = (await listVersions(database)).filter((version) => version.served);
    for (const fold of FOLDS) {
      const ends = await log.ends(fold.topic);
      const version = served.find(({ name }) => name === fold.name) ?? firstVersionOf(fold);
      const positions = await loadCheckpoints(database, version, ends.length);
      if (ends.some(({ partition, last }) => (positions.get(partition) ?? null) !== last)) return false;
    }
    return true;
  };
  // The outbox between two rounds: what leaves it meanwhile is seen on its topic.
  const probe = async (): Promise<boolean> =>
    (await isDone()) && (await outboxSize(database)) === 0 && (await isDone());
  await eventually('every fold caught up', async () => probe().catch(() => false), ms);
}

/** Polls that a poller was told are stored, and that the log holds less of. Empty, if nothing is lost. */
export function lostAcknowledged(workers: readonly Worker[], log: readonly OracleObservation[]): string[] {
  const stored = new Map<string, Set<string>>();
  for (const { participant, responseTime, policy } of log) {
    const poll = `${participant} ${responseTime}`;
    const policies = stored.get(poll) ?? new Set();
    stored.set(poll, policies.add(policy));
  }
  return workers
    .flatMap((worker) => worker.lines)
    .filter((line) => line.msg === 'observations published')
    .filter(({ participant, response_time: at = '', observations }) => {
      const count = stored.get(`${participant} ${Date.parse(at)}`)?.size ?? 0;
      return observations === undefined || count < observations;
    })
    .map((line) => JSON.stringify(line));
}
