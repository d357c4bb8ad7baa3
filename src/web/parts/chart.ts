/** Drawing a chart is left to the browser, which brings the means with it. */
import { createContext } from 'preact';
import type { ChartData } from '../chartData.ts';
import type { TimeRange } from '../ranges.ts';
import type { Words } from '../words.ts';

export interface ChartOptions {
  readonly words: Words;
  /** Of the two plots. */
  readonly titles: readonly [tokens: string, use: string];
  /** People moved or zoomed it. */
  readonly onRange: (range: TimeRange) => void;
  /** The point below the pointer; `null`: none. */
  readonly onPoint: (index: number | null) => void;
  /** Back to the range that it began with. */
  readonly onReset: () => void;
}

export interface Chart {
  show(data: ChartData): void;
  move(share: number): void;
  zoom(factor: number): void;
  destroy(): void;
}

export type DrawChart = (host: HTMLElement, data: ChartData, options: ChartOptions) => Chart;

export const ChartContext = createContext<DrawChart | null>(null);
