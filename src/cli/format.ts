/** Text for people: aligned tables, times, durations, numbers. */
import type { EpochMs } from '../domain/events.ts';
import { visible } from '../visible.ts';
import { outputWidth } from './terminal.ts';

export interface Column<R> {
  readonly title: string;
  readonly value: (row: R) => string;
  /** Numbers line up at their right end. */
  readonly right?: boolean;
}

/** Between two columns, and before what goes on from the line above. */
const GAP = '  ';

/** Lines of a table, the titles first. Where the terminal is too narrow, each row takes several lines. */
export function table<R>(
  columns: readonly Column<R>[],
  rows: readonly R[],
  { indent = '', width = outputWidth() }: { readonly indent?: string; readonly width?: number } = {},
): string[] {
  const cells = [
    columns.map((column) => column.title),
    // Here, or a name with a line end in it would make a line of its own.
    ...rows.map((row) => columns.map((c) => visible(c.value(row)))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  const groups = grouped(widths, width - indent.length);
  const padded = (line: readonly string[], i: number): string =>
    columns[i]?.right === true ? (line[i] ?? '').padStart(widths[i] ?? 0) : (line[i] ?? '').padEnd(widths[i] ?? 0);
  return cells.flatMap((line) =>
    groups.map((group, n) => `${indent}${n === 0 ? '' : GAP}${group.map((i) => padded(line, i)).join(GAP)}`.trimEnd()),
  );
}

/** Which columns go side by side: all of them, if they fit. */
function grouped(widths: readonly number[], room: number): number[][] {
  const groups: number[][] = [[]];
  let taken = -GAP.length;
  widths.forEach((width, i) => {
    const group = groups.at(-1) ?? [];
    taken += GAP.length + width;
    if (taken <= room || group.length === 0) {
      group.push(i);
      return;
    }
    groups.push([i]);
    taken = GAP.length + width;
  });
  return groups;
}

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
