/**
 * Whose the topics of a namespace are. Two databases on one namespace would share its partitions out between them, and
 * each miss a part: so the namespace carries a mark, and the database knows which namespace is its own.
 */
import { randomUUID } from 'node:crypto';
import { applyMark, INSTALLATION } from '../codec/namespaceMark.ts';
import type { MarkEvent, NamespaceMark } from '../codec/namespaceMark.ts';
import { RATE_LIMIT_ALERTS, POLICY_STATES } from '../codec/topics.ts';
import { LogError, LogUnavailableError } from '../log/eventLog.ts';
import type { EventLog } from '../log/eventLog.ts';
import { Inspector } from '../log/pulsar/brokerState.ts';
import type { TopicState } from '../log/pulsar/brokerState.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { isOutage } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { readInstallation, saveLog } from '../store/installation.ts';
import type { Installation } from '../store/installation.ts';
import { FOLDS } from '../topology/folds.ts';
import { abortable, pause } from '../waiting.ts';
import { readTopic } from '../consume/readTopic.ts';

/** The namespace is another database's, or the database another namespace's. */
export class NamespaceOwnedError extends LogError {
  override readonly name = 'NamespaceOwnedError';
}

export interface Ownership {
  readonly database: Database;
  readonly log: EventLog;
  readonly settings: PulsarSettings;
  /** Where the database is, without secrets. */
  readonly description: string;
}

const namespaceOf = ({ settings: { tenant, namespace } }: Ownership): string => `${tenant}/${namespace}`;

/** A few messages: without an answer for so long, the broker is away. Milliseconds. */
const MARK_WAIT_MS = 60_000;

async function inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(MARK_WAIT_MS);
  try {
    return await work(signal);
  } catch (cause) {
    if (!signal.aborted) throw cause;
    const what = `the topic that says whose the namespace is gave no answer within ${MARK_WAIT_MS / 1_000} s`;
    throw new LogUnavailableError(what, { cause });
  }
}

/** Whose the namespace is; `null`: nobody's yet. */
async function readMark(log: EventLog): Promise<NamespaceMark | null> {
  return await inTime(async (signal) => {
    let mark: NamespaceMark | null = null;
    const onPoison = (): void => undefined;
    for await (const batch of readTopic({ log, topic: INSTALLATION, onPoison, signal }))
      for (const { event } of batch) mark = applyMark(mark, event);
    return mark;
  });
}

/** The same, also where there is no such topic: nothing was started since the mark came up. */
export async function markIfAny(log: EventLog): Promise<NamespaceMark | null> {
  return await readMark(log).catch((error: unknown) => {
    if (error instanceof LogError) return null;
    throw error;
  });
}

/** Makes the namespace this database's if it is nobody's yet. @throws {NamespaceOwnedError} */
export async function settleOwnership(ownership: Ownership): Promise<NamespaceMark> {
  const own = await readInstallation(ownership.database);
  const mark = (await readMark(ownership.log)) ?? (await claim(ownership, own));
  assertOwner(ownership, own, mark);
  const settled = mark.place === own.place ? mark : await move(ownership, own, mark);
  await remember(ownership, own, settled);
  return settled;
}

/** A person's word: from now on the namespace is this database's, and the database the namespace's. */
export async function takeOver(ownership: Ownership): Promise<NamespaceMark | null> {
  const own = await readInstallation(ownership.database);
  const before = await readMark(ownership.log);
  await writeMark(ownership, 'takeOver', own, before?.mark ?? randomUUID());
  const mark = await readMark(ownership.log);
  if (mark?.installation !== own.id) throw new LogError('another database took the namespace at this moment');
  await remember(ownership, own, mark);
  return before;
}

async function claim(ownership: Ownership, own: Installation): Promise<NamespaceMark> {
  if (own.log !== null && own.log.name !== namespaceOf(ownership)) throw wrongNamespace(ownership, own.log.name);
  await writeMark(ownership, 'claim', own, randomUUID());
  const mark = await readMark(ownership.log);
  if (mark === null) throw new LogUnavailableError(`the mark on ${namespaceOf(ownership)} can't be read back`);
  return mark;
}

/** @throws {NamespaceOwnedError} */
export function assertOwner(ownership: Ownership, own: Installation, mark: NamespaceMark): void {
  if (mark.installation !== own.id) throw foreign(ownership, mark);
  const goesOnWith = own.log;
  if (goesOnWith !== null && goesOnWith.mark !== mark.mark && goesOnWith.name !== namespaceOf(ownership))
    throw wrongNamespace(ownership, goesOnWith.name);
}

const HAND_OVER = 'run balde namespace take-over --yes with the settings you gave now';

const foreign = (ownership: Ownership, mark: NamespaceMark): NamespaceOwnedError =>
  new NamespaceOwnedError(
    `namespace ${namespaceOf(ownership)} belongs to another database: ${mark.description}, installation ${mark.installation}, since ${new Date(mark.at).toISOString()}. Two databases would share its partitions, and each miss a part. Set PULSAR_NAMESPACE to a namespace of this database's own, or DATABASE_URL to the other one; to hand the namespace over to this database, stop what runs on the other one and ${HAND_OVER}.`,
  );

const wrongNamespace = (ownership: Ownership, name: string): NamespaceOwnedError =>
  new NamespaceOwnedError(
    `this database (${ownership.description}) goes on with namespace ${name}, not with ${namespaceOf(ownership)}: its checkpoints mean nothing there. Set PULSAR_NAMESPACE to ${name}, or DATABASE_URL to another database; to go on with ${namespaceOf(ownership)} nevertheless, ${HAND_OVER}.`,
  );

/** The same installation somewhere else: restored, which is right, or a copy beside one that runs. */
async function move(ownership: Ownership, own: Installation, mark: NamespaceMark): Promise<NamespaceMark> {
  const connected = await whoIsConnected(ownership.settings);
  const now = await readMark(ownership.log);
  if (now?.place === own.place) return now;
  if (connected.length > 0)
    throw new LogUnavailableError(
      `another copy of this database (${mark.description}) is at work on namespace ${namespaceOf(ownership)}: ${connected.join(', ')} connected. Both would share its partitions, and each miss a part. Stop what runs on the other copy (it is noticed within half a minute); or set PULSAR_NAMESPACE to a namespace of this copy's own; or ${HAND_OVER}.`,
    );
  await writeMark(ownership, 'moved', own, mark.mark);
  return { ...mark, place: own.place };
}

async function remember(ownership: Ownership, own: Installation, { mark }: NamespaceMark): Promise<void> {
  const name = namespaceOf(ownership);
  if (own.log?.mark !== mark || own.log.name !== name) await saveLog(ownership.database, { mark, name });
}

async function writeMark(
  { log, description }: Ownership,
  type: MarkEvent['type'],
  { id, place }: Installation,
  mark: string,
): Promise<void> {
  const at = Date.now();
  const event: MarkEvent = { ...{ type, mark, place, description, at }, installation: id };
  await inTime(async (signal) => {
    const name = `installation-${randomUUID()}`;
    const producer = await log.producer(INSTALLATION.name, { name, access: 'shared', signal });
    try {
      await producer.send([{ ...INSTALLATION.encode(event), sequenceId: 0 }]);
    } finally {
      await producer.close();
    }
  });
}

const OF_BALDE = new RegExp(`^((${FOLDS.map(({ name }) => name).join('|')})-v\\d+|(poller|relay)-.+)$`);

/** Processors, pollers and relays at the broker. Others may read alerts. */
async function whoIsConnected(settings: PulsarSettings): Promise<string[]> {
  const inspector = new Inspector(settings);
  try {
    const found = await Promise.all(
      [POLICY_STATES, RATE_LIMIT_ALERTS].map(async ({ name }) => await inspector.topic(name)),
    );
    const names = found.flatMap((topic) => (topic === null ? [] : connectedTo(topic)));
    return [...new Set(names)].filter((name) => OF_BALDE.test(name)).sort();
  } finally {
    inspector.close();
  }
}

const connectedTo = ({ producers, subscriptions }: TopicState): string[] => [
  ...producers,
  ...[...subscriptions].flatMap(([name, { consumers }]) => (consumers > 0 ? [name] : [])),
];

/** How often a process looks whether the namespace is still its database's. Milliseconds. */
const OWNERSHIP_LOOK_MS = 20_000;
/** Several partitions are taken over at one moment. Milliseconds. */
const FRESH_MS = 5_000;

/** Looks again while a process runs: the namespace may be handed over, the database be restored. */
export class OwnershipWatch {
  readonly #ownership: Ownership;
  #known: NamespaceMark;
  #end: string | null = null;
  #looking: Promise<void> | null = null;
  #lookedAt = -Infinity;

  constructor(ownership: Ownership, known: NamespaceMark) {
    this.#ownership = ownership;
    this.#known = known;
  }

  /** @throws {NamespaceOwnedError} @throws {LogUnavailableError} it can't be asked now */
  async assertOwned(): Promise<void> {
    if (performance.now() - this.#lookedAt < FRESH_MS) return;
    await (this.#looking ??= this.#look().finally(() => (this.#looking = null)));
  }

  /** Until the signal aborts. @throws {NamespaceOwnedError} */
  async run(signal: AbortSignal, everyMs = OWNERSHIP_LOOK_MS): Promise<void> {
    for (;;) {
      await pause(everyMs, signal);
      if (signal.aborted) return;
      await abortable(this.assertOwned(), signal).catch((error: unknown) => {
        if (!isOutage(error) && !signal.aborted) throw error;
      });
    }
  }

  async #look(): Promise<void> {
    const { database, log } = this.#ownership;
    const own = await readInstallation(database);
    const [end] = await log.ends(INSTALLATION.name);
    const isSame = end?.last === this.#end && this.#end !== null;
    const mark = isSame ? this.#known : await readMark(log);
    // Topics that were deleted have messages of their own.
    if (mark === null) return;
    assertOwner(this.#ownership, own, mark);
    if (mark.place !== own.place) await this.#moveOrEnd(own, mark);
    this.#known = { ...mark, place: own.place };
    this.#end = end?.last ?? null;
    this.#lookedAt = performance.now();
  }

  /** Restored while it ran, unless the mark has changed: then another copy goes on. */
  async #moveOrEnd(own: Installation, mark: NamespaceMark): Promise<void> {
    if (mark.place !== this.#known.place)
      throw new NamespaceOwnedError(
        `another copy of this database (${mark.description}) goes on with namespace ${namespaceOf(this.#ownership)}. Set PULSAR_NAMESPACE to a namespace of this copy's own; or, to go on here, stop what runs on the other copy and ${HAND_OVER}.`,
      );
    await writeMark(this.#ownership, 'moved', own, mark.mark);
    this.#end = null;
  }
}
