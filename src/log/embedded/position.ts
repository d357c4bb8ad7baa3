import { LogError } from '../eventLog.ts';
import type { Position } from '../eventLog.ts';

const WIDTH = 16;

/** Fixed width, so that positions compare as strings. */
export const positionOf = (position: number): Position => String(position).padStart(WIDTH, '0');

/** @throws {LogError} it is no position of this backend, say one of Pulsar */
export function numberOf(position: Position): number {
  if (/^\d{16}$/.test(position)) return Number(position);
  throw new LogError(
    `${position} is no position of the embedded event log: this database was filled from another one. Set PULSAR_URL as it was, or use a database of its own for each log.`,
  );
}
