/** Options that benchmarks on simulated traffic share. */
import type { RefillMode } from '../src/simulator/tokenBucket.ts';

export function refillsOf(text: string | undefined): readonly RefillMode[] {
  if (text === undefined) return ['lump', 'drip'];
  if (text !== 'lump' && text !== 'drip') throw new Error('--refill takes lump or drip');
  return [text];
}

/** @param known by name, each made for a run of its own */
export function schedulesOf<T>(text: string, known: Readonly<Record<string, T>>): (readonly [string, T])[] {
  return text.split(',').map((name) => {
    const made = known[name];
    if (made === undefined) throw new Error(`--schedules takes some of ${Object.keys(known).join(', ')}`);
    return [name, made];
  });
}

export function wholeNumber(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${option} takes positive whole numbers`);
  return Number(text);
}

/** Cells under their headings, aligned. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? [];
  for (const cells of rows) console.log(cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '));
}
