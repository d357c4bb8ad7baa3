/** Aligned tables. */
import { visible } from '../../visible.ts';
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
