/**
 * Publishes that policies are retired, by a producer of its own for each participant: the ids of observations stay what
 * they are, and a person can do it while a poller has its office.
 */
import type { PolicyRetired } from '../domain/events.ts';
import type { EventLog } from '../log/eventLog.ts';
import { patiently } from '../patience.ts';
import type { Poll } from './bridgePoll.ts';
import { createPublisher, logPatience } from './publish.ts';
import type { PublishDeps } from './publish.ts';

export interface RetireDeps extends PublishDeps {
  readonly log: Pick<EventLog, 'producer' | 'system'>;
  readonly signal: AbortSignal;
}

const retiringProducer = (participant: string): string => `retire-${participant}`;

/**
 * Resolves once the log has them all. What is sent again has the same ids, as that of a poll has.
 * @param retirements of one participant and one time, in order of policy
 * @throws {ProducerBusyError} somebody else does the same at this moment
 */
export async function publishRetirements(
  deps: RetireDeps,
  poll: Poll,
  retirements: readonly [PolicyRetired, ...PolicyRetired[]],
): Promise<void> {
  const { log, topic, signal, report } = deps;
  // Told as what it is by whoever asked for it.
  const quiet: PublishDeps['report'] = (name, event) => {
    if (name === 'onLogUnavailable') report(name, event);
  };
  const options = { name: retiringProducer(poll.participant), access: 'exclusive', signal } as const;
  const patience = logPatience(deps, poll.participant, signal);
  const producer = await patiently(patience, async () => log.producer(topic.name, options));
  try {
    await createPublisher({ ...deps, report: quiet }, producer).publish(poll, retirements, signal);
  } finally {
    await producer.close().catch(() => undefined);
  }
}
