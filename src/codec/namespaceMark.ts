/**
 * Whose a namespace is, as its topic `installation` tells it: JSON, one message for each change of owner or of place.
 */
import { z } from 'zod';
import type { Message } from '../log/eventLog.ts';
import { PoisonMessageError } from './errors.ts';
import type { Topic } from './topics.ts';

const markEvent = z.object({
  /** The first claim of a namespace stands; `takeOver` is a person's word; `moved` only the owner's. */
  type: z.enum(['claim', 'takeOver', 'moved']),
  /** Of the namespace, from its first claim on. */
  mark: z.uuid(),
  /** Of the database. */
  installation: z.uuid(),
  /** Which copy of the database. */
  place: z.string(),
  /** For people: where the database is, without secrets. */
  description: z.string(),
  at: z.number(),
});

export type MarkEvent = z.infer<typeof markEvent>;
export type NamespaceMark = Omit<MarkEvent, 'type'>;

function decode({ payload }: Message): MarkEvent {
  try {
    return markEvent.parse(JSON.parse(payload.toString('utf8')));
  } catch (cause) {
    throw new PoisonMessageError('no mark of a namespace', { cause });
  }
}

const encode = (event: MarkEvent): Message => ({
  key: event.installation,
  payload: Buffer.from(JSON.stringify(event)),
  properties: {},
  eventTime: event.at,
});

export const INSTALLATION: Topic<MarkEvent> = {
  name: 'installation',
  partitions: 1,
  schema: { kind: 'bytes', definition: '' },
  keep: 'forever',
  encode,
  decode,
};

/** The log settles who was first: of two claims the one that is stored later counts for nothing. */
export function applyMark(now: NamespaceMark | null, { type, ...event }: MarkEvent): NamespaceMark {
  if (now === null) return event;
  if (type === 'takeOver') return { ...event, mark: now.mark };
  return type === 'moved' && event.installation === now.installation
    ? { ...now, place: event.place, description: event.description }
    : now;
}
