import type { Position } from '../eventLog.ts';

const WIDTH = 16;

/** Fixed width, so that positions compare as strings. */
export const positionOf = (position: number): Position => String(position).padStart(WIDTH, '0');

export const numberOf = (position: Position): number => Number(position);
