/** Words of the archive's cases: a log with observations of several months, alerts and messages nobody can decode. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { archive } from '../../src/archive/archiver.ts';
import type { ArchiveObserver, ArchiverOptions } from '../../src/archive/archiver.ts';
import { openFilesTarget } from '../../src/archive/files/filesTarget.ts';
import type { ArchiveTarget } from '../../src/archive/target.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { AlertRaised, CategoryChanged } from '../../src/domain/events.ts';
import { alertEventId, alertId, categoryChangeId, observationId } from '../../src/domain/identity.ts';
import type { EventLog, LogMessage, OutgoingMessage } from '../../src/log/eventLog.ts';
import type { EventSource, ReadPositions } from '../../src/rebuild/source.ts';
import { junk } from '../support/deadLetters.ts';
import { observed, outgoing } from '../support/observations.ts';
import { patience, readAll, publish } from '../support/topics.ts';

export const TOPICS = [POLICY_STATES.name, RATE_LIMIT_ALERTS.name] as const;
const PARTICIPANT = '12345678';
const DAY = 86_400_000;

/** The owners of P0, P1, … in turn: one for each partition, as the partition follows from the participant. */
const OWNERS = ['12345673', PARTICIPANT, '12345675', '12345676'];

/** Observations of `policies` buckets at a time each; 2026-01-31 and a day later lie in different months. */
export const poll = (at: number, policies = 12): OutgoingMessage[] =>
  Array.from({ length: policies }, (_, i) => {
    const [policy, participant = PARTICIPANT] = [`P${i}`, OWNERS[i % OWNERS.length]];
    const eventId = observationId(participant, policy, at);
    return outgoing(observed(policy, 0, 50 - i, { responseTime: at, participant, eventId }));
  });

const common = (policy: string, at: number) => ({
  participant: PARTICIPANT,
  policy,
  timestamp: at,
  availableTokens: -3,
  capacity: 300,
  utilizationPercent: 101,
  consumptionRatePerMinute: null,
  recoveryEtaSeconds: 303,
  exhaustionProjectionSeconds: 0,
  message: `bucket ${policy} is empty — "água"`,
  causedBy: [{ eventId: alertEventId('x', policy), responseTime: at, availableTokens: -3, capacity: 300 }],
  ruleVersion: 'w20-c10-m0-n1',
});

export function alertMessages(policy: string, at: number): OutgoingMessage[] {
  const id = alertId(PARTICIPANT, policy, 'CRITICAL', at);
  const raised: AlertRaised = {
    ...common(policy, at),
    ...{ type: 'AlertRaised', eventId: alertEventId('AlertRaised', id), alertId: id, severity: 'CRITICAL' },
    ...{ thresholdPercent: 10, reason: 'THRESHOLD', category: null },
  };
  const changed: CategoryChanged = {
    ...common(policy, at),
    ...{ type: 'CategoryChanged', eventId: categoryChangeId(PARTICIPANT, policy, at, 'B') },
    ...{ category: 'B', previousCategory: 'A' },
  };
  return [raised, changed].map((event) => ({ ...RATE_LIMIT_ALERTS.encode(event), sequenceId: 0 }));
}

/** Payloads that an event's fields do not give back byte by byte, and such that are no events. */
function oddMessages(at: number): OutgoingMessage[] {
  const [raised] = alertMessages('P1', at);
  const spaced = JSON.stringify(JSON.parse(raised?.payload.toString('utf8') ?? ''), null, 1);
  return [
    ...(raised === undefined ? [] : [{ ...raised, payload: Buffer.from(spaced) }]),
    junk('{"event_type":"Unknown"}', { eventTime: at }),
    junk('', { key: '', eventTime: at, properties: { 'a name': 'with "quotes"', event_id: 'x' } }),
  ];
}

/** A year's turn in steps of a few days, with alerts and junk in between; in the order in which it is published. */
export async function fill(log: EventLog, from: number, polls: number): Promise<void> {
  for (let i = 0; i < polls; i += 1) {
    const at = from + i * 4 * DAY;
    await publish(log, [...poll(at), ...(i % 5 === 2 ? [junk(`junk ${i}`, { eventTime: at })] : [])]);
    await publish(log, alertMessages(`P${i % 12}`, at), RATE_LIMIT_ALERTS.name);
  }
  await publish(log, oddMessages(from + DAY), RATE_LIMIT_ALERTS.name);
}

const folders: string[] = [];
// Here, not where a folder is made: that may be within a test, which registers nothing for after all of them.
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-archive-'));
  folders.push(folder);
  return folder;
}

const quiet: ArchiveObserver = { archived: () => undefined, retrying: () => undefined };

/** Archives a topic to its present end. */
export async function archiveTo(
  log: EventLog,
  topic: string,
  target: ArchiveTarget,
  options: Partial<ArchiverOptions> = {},
): Promise<void> {
  const ends = (await log.ends(topic)).flatMap(({ partition, last }) =>
    last === null ? [] : [[partition, last] as const],
  );
  await archive({ log, topic, target, observer: quiet, until: new Map(ends), ...options }, patience());
}

/** All topics into a folder. */
export async function archiveFiles(
  log: EventLog,
  folder: string,
  options: Partial<ArchiverOptions> = {},
): Promise<void> {
  const target = await openFilesTarget({ folder, signal: patience() });
  try {
    for (const topic of TOPICS) await archiveTo(log, topic, target, options);
  } finally {
    await target.close();
  }
}

export async function readSource(
  source: EventSource,
  topic: string,
  after: ReadPositions = new Map(),
): Promise<LogMessage[]> {
  const found: LogMessage[] = [];
  for await (const batch of source.read({ topic, after, signal: patience() })) found.push(...batch);
  return found;
}

/** In one order, whatever the order between partitions was. */
export const inOrder = (messages: readonly LogMessage[]): LogMessage[] =>
  [...messages].sort((a, b) => a.partition - b.partition || (a.position < b.position ? -1 : 1));

/** Whether each partition came in the order of its positions. */
export function isOrdered(messages: readonly LogMessage[]): boolean {
  const last = new Map<number, string>();
  return messages.every(({ partition, position }) => {
    const rises = position > (last.get(partition) ?? '');
    last.set(partition, position);
    return rises;
  });
}

export const logMessages = async (log: EventLog, topic: string): Promise<LogMessage[]> =>
  inOrder(await readAll(log, topic));
