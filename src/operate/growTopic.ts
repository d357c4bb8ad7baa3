/** More partitions for the topic of observations, on Pulsar. */
import { POLICY_STATES } from '../codec/topics.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { Inspector } from '../log/pulsar/brokerState.ts';
import { PulsarLog } from '../log/pulsar/pulsarLog.ts';
import { foldCheckpoints } from '../app/standing.ts';
import { UsageError } from '../errors.ts';
import type { Storage } from '../app/storage.ts';

export interface Growth {
  readonly topic: string;
  readonly before: number;
  readonly after: number;
}

/**
 * A key whose partition changes must have no message left in the old one, or its messages would overtake each other.
 */
const PROCEDURE = `A key may move to another partition, so nothing may be under way meanwhile:
  1. stop every process with role poller
  2. wait until balde lag shows 0 behind for the processors of ${POLICY_STATES.name}
  3. balde migrate --partitions <n>
  4. start the pollers again; processors that run find the new partitions within half a minute`;

/**
 * @param force whatever is under way: observations of a bucket may then be read in another order than they were made,
 *   and those that come late change no alert
 * @throws {UsageError} it can't be done here, or not now
 */
export async function growObservations(
  { database, log }: Pick<Storage, 'database' | 'log'>,
  pulsar: PulsarSettings | null,
  { partitions, force }: { readonly partitions: number; readonly force: boolean },
): Promise<Growth> {
  if (!(log instanceof PulsarLog) || pulsar === null)
    throw new UsageError('--partitions is for Pulsar: topics of the embedded event log stay as they are');
  const topic = POLICY_STATES.name;
  const before = await log.partitions(topic);
  if (partitions > before && !force) {
    const reasons = [...(await pollers(pulsar)), ...(await lagging({ database, log }, before))];
    if (reasons.length > 0) throw new UsageError([`not now: ${reasons.join('; ')}.`, PROCEDURE].join('\n'));
  }
  await log.addPartitions(topic, partitions);
  return { topic, before, after: partitions };
}

async function pollers(pulsar: PulsarSettings): Promise<string[]> {
  const inspector = new Inspector(pulsar);
  try {
    const found = (await inspector.topic(POLICY_STATES.name))?.producers ?? [];
    return found.length === 0 ? [] : [`connected are ${found.join(', ')}`];
  } finally {
    inspector.close();
  }
}

async function lagging({ database, log }: Pick<Storage, 'database' | 'log'>, partitions: number): Promise<string[]> {
  const found: string[] = [];
  for (const { fold, version, topic, positions } of await foldCheckpoints(database)) {
    if (topic !== POLICY_STATES.name) continue;
    const all = new Map(Array.from({ length: partitions }, (_, i) => [i, positions.get(i) ?? null]));
    const behind = [...(await log.behind(topic, all)).values()].reduce((sum, n) => sum + n, 0);
    if (behind > 0) found.push(`${fold} v${version} is ${behind} messages behind`);
  }
  return found;
}
