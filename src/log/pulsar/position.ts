/**
 * Positions of a Pulsar partition as strings that compare in log order.
 *
 * A message id is (ledger, entry, batch index); ledger ids rise within a topic, entries within a ledger. The batch
 * index is there only for messages that were sent in batches, as a poll's observations are.
 */
import { LogError } from '../eventLog.ts';
import type { Position } from '../eventLog.ts';
import { fieldsIn, numberField } from './protobuf.ts';

export interface MessagePlace {
  readonly ledger: number;
  /** −1: before the first entry of the ledger. */
  readonly entry: number;
  /** −1: the entry is one message. */
  readonly batch: number;
}

/** 2^53 has 16 digits: what a double holds exactly fits. */
const WIDTH = 16;
const BATCH_WIDTH = 6;

const padded = (n: number, width: number): string => {
  if (!Number.isSafeInteger(n) || n < 0) throw new LogError(`${n} is no part of a message id`);
  return String(n).padStart(width, '0');
};

export function positionOf({ ledger, entry, batch }: MessagePlace): Position {
  const place = `${padded(ledger, WIDTH)}:${padded(entry, WIDTH)}`;
  return batch < 0 ? place : `${place}:${padded(batch, BATCH_WIDTH)}`;
}

/** Positions of so many messages of a batch, from one of them on. */
export function positionsFrom(place: MessagePlace, count: number): Position[] {
  const entry = positionOf({ ...place, batch: -1 });
  return Array.from({ length: count }, (_, n) => `${entry}:${padded(place.batch + n, BATCH_WIDTH)}`);
}

/** @throws {LogError} it is no position of this backend, say one of the embedded log */
export function placeOf(position: Position): MessagePlace {
  const parts = /^(\d{16}):(\d{16})(?::(\d{6}))?$/.exec(position);
  if (parts === null) {
    throw new LogError(
      `${position} is no position of a Pulsar topic: this database was filled from another event log. Leave PULSAR_URL out as it was, or use a database of its own for each log.`,
    );
  }
  return { ledger: Number(parts[1]), entry: Number(parts[2]), batch: Number(parts[3] ?? -1) };
}

/** Negative, 0 or positive, as the entry of `a` lies before, is or lies after that of `b`. */
export const compareEntries = (a: MessagePlace, b: MessagePlace): number => a.ledger - b.ledger || a.entry - b.entry;

export const isSameEntry = (a: MessagePlace, b: MessagePlace): boolean => compareEntries(a, b) === 0;

/** Whether a message begins the entry right after that of `last`. */
export const isEntryAfter = (last: MessagePlace, place: MessagePlace): boolean =>
  place.ledger === last.ledger && place.entry === last.entry + 1 && place.batch <= 0;

/** Whether a message is the next of its batch. */
export const isNextOfBatch = (last: MessagePlace, place: MessagePlace): boolean =>
  isSameEntry(last, place) && place.batch === last.batch + 1;

/**
 * Place of a message id as the client prints it: `(ledger,entry,partition,batch)`. A message of several chunks, each an
 * entry of its own, has two, `(first);(last)`: it stands at its last, with which it is whole.
 */
export function parseMessageId(text: string): MessagePlace {
  const parts = /^(?:\([-\d,]+\);)?\((-?\d+),(-?\d+),-?\d+,(-?\d+)\)$/.exec(text);
  if (parts === null) throw new LogError(`the Pulsar client gave an unknown message id: ${text}`);
  return { ledger: Number(parts[1]), entry: Number(parts[2]), batch: Number(parts[3]) };
}

/** Messages of the batch that the message is in, 1 when it is in none: field 6 of `MessageIdData`, batch_size. */
export function batchSizeIn(serialized: Buffer): number {
  for (const [field, value] of fieldsIn(serialized)) if (field === 6 && typeof value === 'number') return value;
  return 1;
}

/** The id that a duplicate gets in place of one: the broker has dropped the message. */
export const isDuplicateId = (text: string): boolean => text.startsWith('(-1,-1,');

/**
 * A message id in the form that `MessageId.deserialize` takes: protobuf `MessageIdData` of PulsarApi.proto, fields
 * 1 ledgerId, 2 entryId, 3 partition, 4 batch_index, all varints; negative numbers as 64-bit two's complement.
 */
export function serializeId({ ledger, entry, batch }: MessagePlace, partition: number): Buffer {
  const fields = [ledger, entry, partition, ...(batch < 0 ? [] : [batch])];
  return Buffer.concat(fields.map((value, i) => numberField(i + 1, value)));
}
