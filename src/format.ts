/** Times, durations and numbers as people read them. */
import type { EpochMs } from './domain/events.ts';

/** `2026-01-31T12:00:00.000Z`; `null` stays. */
export const iso = <T extends EpochMs | null>(at: T): T extends null ? null : string =>
  (at === null ? null : new Date(at).toISOString()) as T extends null ? null : string;

/** `2026-01-31 12:00:00Z`, or a dash. */
export const timeText = (at: EpochMs | null): string =>
  at === null ? '-' : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;

const STEPS = [
  ['d', 86_400, 'h', 3_600],
  ['h', 3_600, 'm', 60],
  ['m', 60, 's', 1],
] as const;

/** Two units are enough: `45s`, `5m 00s`, `2h 05m`, `4d 02h`; a dash for what is unknown. */
export function durationText(seconds: number | null): string {
  if (seconds === null) return '-';
  const whole = Math.max(0, Math.round(seconds));
  for (const [large, size, small, part] of STEPS) {
    if (whole >= size) {
      const rest = Math.floor((whole % size) / part);
      return `${Math.floor(whole / size)}${large} ${String(rest).padStart(2, '0')}${small}`;
    }
  }
  return `${whole}s`;
}

export const numberText = (value: number): string => value.toLocaleString('en-US');

/** `1 row`, `2,000 rows`. */
export const numbered = (count: number, one: string): string => `${numberText(count)} ${one}${count === 1 ? '' : 's'}`;

export const percentText = (value: number): string => `${value.toFixed(1)}%`;
