/** What of `balde explain --json` and of `balde what-if --json` the pages show: the API gives both as they are. */
import { ALL_CATEGORIES } from './trial.ts';
import type {
  AlertAnswer,
  ChangeCounts,
  NotFoundRateTold,
  Reading,
  ShareTold,
  SideFigures,
  UnexplainedTold,
  WhatIfAnswer,
} from '../api/answers.ts';

interface Point {
  readonly response_time: string;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly consumption_rate_per_minute: number | null;
}

export interface Raised {
  readonly id: string;
  readonly severity: 'WARNING' | 'CRITICAL';
  readonly participant: string;
  readonly endpoint_id: string;
  readonly created_at: string;
  readonly resolved_at: string | null;
  readonly reason: string | null;
  readonly resolution_reason: string | null;
  readonly available_tokens: number;
  readonly capacity: number;
}

export interface Attributed {
  readonly from: string;
  readonly to: string;
  readonly sources: readonly { readonly source: string; readonly tokens: number; readonly share: number | null }[];
  readonly shares: readonly ShareTold[];
  readonly tokens: number;
  readonly consumed_at_least: number;
  readonly consumed_estimate: number | null;
  readonly incomplete: readonly { readonly source: string }[];
  readonly error_404_rates: readonly NotFoundRateTold[];
  readonly unexplained: UnexplainedTold | null;
  readonly readings: readonly Reading[];
}

export interface Explained {
  readonly rules: { readonly warning_percent: number; readonly critical_percent: number } | null;
  readonly before: readonly Point[];
  readonly causes: readonly Point[];
  readonly followed: { readonly observations: number; readonly until: string; readonly lowest: Point } | null;
  readonly reached_zero_at: string | null;
  readonly lead_seconds: number | null;
  readonly lasted_seconds: number | null;
  readonly chain: readonly Raised[];
  /** Who drained it; `null` where nobody reports calls. */
  readonly attribution?: Attributed | null;
  /** How hard it was drawn on since it began to fall; tokens a minute. */
  readonly why?: {
    readonly draining_since: string | null;
    readonly demand_per_minute: number | null;
    readonly demand_low_per_minute: number | null;
    readonly usual_per_minute: number | null;
    readonly usual_low_per_minute: number | null;
    readonly times_usual: number | null;
  };
}

export const explainedOf = ({ explanation }: AlertAnswer): Explained => explanation as unknown as Explained;

interface Announced {
  readonly announced: number;
  readonly lead_median_seconds: number | null;
  readonly lead_min_seconds: number | null;
}

/** Times at which buckets were seen empty: DICT answers 429 then. */
export interface Outages {
  readonly count: number;
  readonly baseline: Announced;
  readonly what_if: Announced;
  readonly forecast: Announced;
  /** Of another horizon; `null`: that was not asked. */
  readonly what_if_forecast?: (Announced & { readonly horizon_seconds: number }) | null;
  /** With polls so far apart only; `null`: that was not asked. */
  readonly coarser?: (Announced & { readonly every_seconds: number }) | null;
}

type Change = Exclude<keyof ChangeCounts, 'unchanged'>;

interface RaisedPair {
  readonly raised_shift_seconds: number;
  readonly duration_shift_seconds: number;
  readonly baseline: Raised;
  readonly what_if: Raised;
}

export interface RulesCompared {
  readonly summary: ChangeCounts & {
    readonly history_from: string | null;
    readonly history_to: string | null;
    readonly observations: number;
    readonly incidents: ChangeCounts;
    readonly baseline: SideFigures;
    readonly what_if: SideFigures;
    readonly outages?: Outages;
  };
  readonly added: readonly Raised[];
  readonly gone: readonly Raised[];
  readonly earlier: readonly RaisedPair[];
  readonly later: readonly RaisedPair[];
  readonly longer: readonly RaisedPair[];
  readonly shorter: readonly RaisedPair[];
}

interface RefusedPeriod {
  readonly from: string;
  readonly to: string | null;
  readonly refused_tokens: number;
}

export interface CategoryTried {
  readonly category: string;
  readonly policies: readonly {
    readonly participant: string;
    readonly endpoint_id: string;
    readonly capacity: number;
    readonly refill_tokens: number;
    readonly refill_period_sec: number;
    readonly observed_categories: readonly string[];
    readonly observations: number;
    readonly best_case: readonly RefusedPeriod[];
    /** `null`: nothing is estimated of it. */
    readonly likely_case?: readonly RefusedPeriod[] | null;
    readonly worst_case: readonly RefusedPeriod[];
    readonly assumptions: readonly string[];
  }[];
}

interface RefusalTotal {
  readonly times: number;
  readonly seconds: number;
  readonly refused_tokens: number;
}

/** Every category, least 429 first. */
export interface CategoriesRanked {
  readonly policies: readonly {
    readonly participant: string;
    readonly endpoint_id: string;
    readonly smallest_without_429: { readonly likely_case: string | null };
    readonly categories: readonly {
      readonly category: string;
      readonly capacity: number;
      readonly best_case: RefusalTotal;
      /** `null`: nothing is estimated of it. */
      readonly likely_case: RefusalTotal | null;
      readonly worst_case: RefusalTotal;
    }[];
    readonly assumptions: readonly string[];
  }[];
}

export type Tried =
  | { readonly rules: RulesCompared }
  | { readonly category: CategoryTried }
  | { readonly ranked: CategoriesRanked };

export function triedOf(answer: WhatIfAnswer): Tried {
  const { category } = answer;
  if (category === undefined) return { rules: answer as unknown as RulesCompared };
  return category === ALL_CATEGORIES
    ? { ranked: answer as unknown as CategoriesRanked }
    : { category: answer as unknown as CategoryTried };
}

/** One alert that differs: of one side or of both. */
export interface Difference {
  readonly changes: readonly Change[];
  readonly baseline: Raised | null;
  readonly whatIf: Raised | null;
  readonly shiftSeconds: number | null;
}

/** Newest first; a pair may be both earlier and longer. */
export function differencesOf(compared: RulesCompared): Difference[] {
  const pairs = new Map<string, Difference>();
  for (const change of ['earlier', 'later', 'longer', 'shorter'] as const)
    for (const { baseline, what_if: whatIf, raised_shift_seconds: shiftSeconds } of compared[change]) {
      const changes = [...(pairs.get(whatIf.id)?.changes ?? []), change];
      pairs.set(whatIf.id, { changes, baseline, whatIf, shiftSeconds });
    }
  const added = compared.added.map((whatIf) => ({
    changes: ['added' as const],
    baseline: null,
    whatIf,
    shiftSeconds: null,
  }));
  const gone = compared.gone.map((baseline) => ({
    changes: ['gone' as const],
    baseline,
    whatIf: null,
    shiftSeconds: null,
  }));
  const raisedAt = ({ whatIf, baseline }: Difference): number => Date.parse((whatIf ?? baseline)?.created_at ?? '');
  return [...added, ...gone, ...pairs.values()].sort((a, b) => raisedAt(b) - raisedAt(a));
}
