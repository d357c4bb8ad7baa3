/** Comparing positions of one partition. */
import type { Position } from './eventLog.ts';

type Reached = Position | null | undefined;

/** Whether `position` lies after `than`: every position does while nothing is reached (`null`, `undefined`). */
export const isAfter = (position: Position, than: Reached): boolean =>
  than === null || than === undefined || position > than;

/** Whether `position` is `end` or after it; never while nothing is reached. */
export const hasReached = (position: Reached, end: Position): boolean =>
  position !== null && position !== undefined && position >= end;
