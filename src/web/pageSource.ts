/** What pages are drawn from: the API's answers, asked within the process. Times are milliseconds. */
import type { Overview } from '../api/answers.ts';

export interface PageSource {
  /** @param at `null`: now */
  overview(at: number | null, signal: AbortSignal): Promise<Overview>;
}
