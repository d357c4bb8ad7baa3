/** Fills topics with observations as fast as can be, for benchmarks that read them. */
import { POLICY_STATES } from '../src/codec/topics.ts';
import type { PolicyStateObserved } from '../src/domain/events.ts';
import type { EventLog } from '../src/log/eventLog.ts';
import { partitionOf } from '../src/log/partitionOf.ts';
import { producerName } from '../src/poll/poller.ts';
import { ROOM } from '../src/poll/sequence.ts';
import type { Database } from '../src/store/database.ts';
import { PARTICIPANT, pollAt } from './common.ts';

/** The client keeps a handle for each message under way, and each wake-up visits all of them: more is slower. */
const POLLS_IN_FLIGHT = 20;
const TOLD_EVERY = 1_000_000;

/** As the poller publishes. @returns events/s */
export async function fillPulsar(log: EventLog, polls: number): Promise<number> {
  const producer = await log.producer(POLICY_STATES.name, {
    ...{ name: producerName(PARTICIPANT), access: 'exclusive', wholeSends: true },
    signal: new AbortController().signal,
  });
  const start = performance.now();
  const underWay: Promise<unknown>[] = [];
  let events = 0;
  for (let n = 0; n < polls; n += 1) {
    const poll = pollAt(n);
    const messages = poll.map((event, i) => ({
      ...POLICY_STATES.encode(event),
      sequenceId: event.responseTime * ROOM + i,
    }));
    underWay.push(producer.send(messages));
    if (underWay.length >= POLLS_IN_FLIGHT) await underWay.shift();
    events += poll.length;
    if (events % TOLD_EVERY < poll.length)
      console.error(`${events} events, ${Math.round(events / ((performance.now() - start) / 1000))}/s`);
  }
  await Promise.all(underWay);
  const rate = events / ((performance.now() - start) / 1000);
  await producer.close();
  return rate;
}

const LINES_PER_COPY = 15_000;
const COPY = 'copy balde_log.message (topic_id, partition, position, key, event_time, properties, payload) from stdin';

/**
 * Straight into the tables of the embedded log, the same in each of the databases.
 * @param answers observations that were published together, oldest first
 * @returns how many observations there were
 */
export async function fillEmbedded(
  databases: readonly Database[],
  answers: Iterable<readonly PolicyStateObserved[]> | AsyncIterable<readonly PolicyStateObserved[]>,
): Promise<number> {
  const ids = await Promise.all(databases.map(topicOf));
  const next = Array.from({ length: POLICY_STATES.partitions }, () => 1);
  const lines: string[] = [];
  let observations = 0;
  const write = async (): Promise<void> => {
    const written = lines.splice(0);
    const rowsFor = (id: number): string => written.map((line) => `${id}\t${line}\n`).join('');
    await Promise.all(databases.map(async (database, i) => await database.copy(COPY, [rowsFor(ids[i] ?? 0)])));
  };
  for await (const answer of answers) {
    for (const event of answer) lines.push(lineOf(event, next));
    observations += answer.length;
    if (lines.length >= LINES_PER_COPY) await write();
  }
  await write();
  const ended = 'update balde_log.partition set next_position = $3 where topic_id = $1 and partition = $2';
  for (const [partition, position] of next.entries())
    for (const [i, database] of databases.entries()) await database.execute(ended, [ids[i] ?? 0, partition, position]);
  return observations;
}

async function topicOf(database: Database): Promise<number> {
  const [topic] = await database.query<{ id: number }>('select id from balde_log.topic where name = $1', [
    POLICY_STATES.name,
  ]);
  if (topic === undefined) throw new Error(`the log has no topic ${POLICY_STATES.name}`);
  return topic.id;
}

/** What COPY takes, but for the topic. @param next the next position of each partition, which moves on */
function lineOf(event: PolicyStateObserved, next: number[]): string {
  const { key, payload, properties, eventTime } = POLICY_STATES.encode(event);
  const partition = partitionOf(key, next.length);
  const position = next[partition] ?? 1;
  next[partition] = position + 1;
  const time = new Date(eventTime).toISOString();
  const bytes = `\\\\x${payload.toString('hex')}`;
  return [partition, position, key, time, JSON.stringify(properties), bytes].join('\t');
}
