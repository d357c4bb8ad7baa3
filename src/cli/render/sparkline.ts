/** A line of Unicode blocks. */

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

export const SPARKLINE_WIDTH = 72;

/** A share left in one slice of time; slices without one stay blank. */
export interface SparkPoint {
  /** From 0 on. */
  readonly slice: number;
  readonly available_tokens: number;
  readonly capacity: number;
}

/** One character a slice: full height at 100 % of the capacity, lowest at or below 0. */
export function sparkline(points: readonly SparkPoint[]): string {
  const cells = Array.from({ length: Math.max(0, ...points.map(({ slice }) => slice + 1)) }, () => ' ');
  for (const { slice, available_tokens: tokens, capacity } of points) {
    const level = Math.floor((Math.max(0, tokens) / capacity) * BLOCKS.length);
    cells[slice] = BLOCKS[Math.min(BLOCKS.length - 1, level)] ?? ' ';
  }
  return cells.join('');
}
