/** How the commands write their answers: the API's are the same, by the same code. */
import type { CategoryOutcome } from '../analysis/category.ts';
import type { CategoryRanking } from '../analysis/categoryRanking.ts';
import type { WhatIfReport } from '../analysis/comparison.ts';
import type { Explanation } from '../analysis/explain.ts';
import type { Category } from '../domain/catalog.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { HistoryPoint } from '../views/history.ts';

export interface Forms {
  /** `balde explain --json` */
  readonly explanation: (explanation: Explanation) => Readonly<Record<string, unknown>>;
  /** `balde what-if --json` */
  readonly whatIf: (report: WhatIfReport) => Readonly<Record<string, unknown>>;
  /** `balde what-if --category --json` */
  readonly categories: (category: Category, outcomes: readonly CategoryOutcome[]) => Readonly<Record<string, unknown>>;
  /** `balde what-if --category all --json` */
  readonly ranking: (rankings: readonly CategoryRanking[]) => Readonly<Record<string, unknown>>;
  /** `balde history --csv` */
  readonly historyCsv: (points: readonly HistoryPoint[], rules: ThresholdRules) => string;
}
