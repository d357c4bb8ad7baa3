/** `balde what-if` over HTTP: the same code, the same JSON. */
import { simulateCategories, simulateCategory } from '../analysis/category.ts';
import { rankCategories } from '../analysis/categoryRanking.ts';
import { HORIZON_TEXT, isHorizon } from '../analysis/horizon.ts';
import { whatIf } from '../analysis/whatIf.ts';
import { parseDuration } from '../config/duration.ts';
import { CATEGORIES, CATEGORY_POLICIES } from '../domain/catalog.ts';
import type { Category } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import { hasFewDecimals, MAX_DECIMALS } from '../domain/percent.ts';
import { rulesProblem } from '../domain/thresholds.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import { DAY_MS, SECOND_MS } from '../domain/time.ts';
import { UsageError } from '../errors.ts';
import { pickBuckets } from '../operate/buckets.ts';
import type { Database } from '../store/database.ts';
import type { Bucket } from '../views/buckets.ts';
import type { WhatIfAnswer } from './answers.ts';
import { countOf, oneOf, parametersOf, rangeOf, timeOf } from './asked.ts';
import { found } from './bucket.ts';
import type { Forms } from './forms.ts';

export interface WhatIfAsked {
  /** `null`: all of them. */
  readonly participant: string | null;
  readonly policy: string | null;
  /** Alerts that overlap this time; `null`: open. */
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
  readonly rules: ThresholdRules;
  /** Instead of the alerts: when buckets of this category would have answered 429. */
  readonly category: Category | typeof ALL | null;
  /** Also with polls this far apart only. Milliseconds. */
  readonly everyMs: number | null;
  /** Also had forecasts looked so far ahead. Milliseconds. */
  readonly horizonMs: number | null;
}

/** Every category, ranked by how long each would have answered 429. */
const ALL = 'all';

const RULES = ['warning', 'critical', 'margin', 'for'] as const;
const MOST_IN_A_ROW = 100;
const NAMES = ['participant', 'policy', 'from', 'to', 'category', 'every', 'horizon', ...RULES] as const;

/** @param production what is not named. @throws {UsageError} the question contradicts itself, or is malformed */
export function whatIfAsked(url: URL, production: ThresholdRules): WhatIfAsked {
  const given = parametersOf(url, NAMES);
  const [from, to] = [timeOf('from', given.from), timeOf('to', given.to)];
  if (from !== null && to !== null) rangeOf(from, to, to);
  const category = given.category === undefined ? null : oneOf('category', [...CATEGORIES, ALL], given.category);
  const named = RULES.filter((name) => given[name] !== undefined);
  const ofAlerts = [...named, ...(['every', 'horizon'] as const).filter((name) => given[name] !== undefined)];
  if (category !== null && ofAlerts.length > 0)
    throw new UsageError(`category asks about the bucket itself, not about alerts: leave out ${ofAlerts.join(', ')}`);
  const rules = {
    warningPercent: shareOf('warning', given.warning) ?? production.warningPercent,
    criticalPercent: shareOf('critical', given.critical) ?? production.criticalPercent,
    resolveMargin: shareOf('margin', given.margin) ?? production.resolveMargin,
    forObservations:
      (given.for === undefined ? null : countOf('for', given.for, MOST_IN_A_ROW)) ?? production.forObservations,
  };
  const problem = named.length === 0 ? null : rulesProblem(rules);
  if (problem !== null) throw new UsageError(problem);
  const [everyMs, horizonMs] = [intervalOf('every', given.every), horizonOf('horizon', given.horizon)];
  const { participant = null, policy = null } = given;
  return { participant, policy, from, to, rules, category, everyMs, horizonMs };
}

/** Milliseconds. */
function intervalOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms === null || ms < SECOND_MS || ms > DAY_MS)
    throw new UsageError(`${name} must be an interval from 1s to 1d, such as 5m`);
  return ms;
}

/** Milliseconds. */
function horizonOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms === null || !isHorizon(ms)) throw new UsageError(`${name} must be ${HORIZON_TEXT}`);
  return ms;
}

/** A share of the capacity, percent, or points of it. */
function shareOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,3}(\.\d+)?$/.test(text) || Number(text) > 100)
    throw new UsageError(`${name} must be a number from 0 to 100`);
  if (!hasFewDecimals(text)) throw new UsageError(`${name} may have ${MAX_DECIMALS} decimals, not more`);
  return Number(text);
}

/** @throws {NotFoundError} there never was such a bucket */
export async function answerWhatIf(
  database: Database,
  { participant, policy, from, to, rules, category, everyMs, horizonMs }: WhatIfAsked,
  forms: Pick<Forms, 'whatIf' | 'categories' | 'ranking'>,
  signal: AbortSignal,
): Promise<WhatIfAnswer> {
  const filter = { participant: participant ?? undefined, policy: policy ?? undefined };
  const buckets = await found(async () => await pickBuckets(database, filter));
  const asked = { buckets, from: from ?? undefined, to: to ?? undefined, signal };
  if (category !== null) {
    assertCategorised(buckets);
    if (category === ALL) return forms.ranking(rankCategories(await simulateCategories(database, asked)));
    return forms.categories(category, await simulateCategory(database, { ...asked, category }));
  }
  const onProgress = (): void => undefined;
  const options = {
    ...asked,
    rules,
    against: null,
    everyMs: everyMs ?? undefined,
    horizonMs: horizonMs ?? undefined,
    onProgress,
  };
  return forms.whatIf(await whatIf(database, options));
}

/** @throws {UsageError} none of the buckets depends on the category */
function assertCategorised(buckets: readonly Bucket[]): void {
  if (buckets.some(({ policy }) => CATEGORY_POLICIES.includes(policy))) return;
  throw new UsageError(
    `only ${CATEGORY_POLICIES.join(' and ')} depend on the category, and neither is among these buckets`,
  );
}
