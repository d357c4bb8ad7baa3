/** The options of `balde what-if`. */
import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../config/duration.ts';
import { CATEGORIES, PARTICIPANT_ANTISCAN } from '../../domain/catalog.ts';
import type { Category } from '../../domain/catalog.ts';
import { HORIZON_TEXT, isHorizon } from '../../analysis/horizon.ts';
import { hasFewDecimals, MAX_DECIMALS } from '../../domain/percent.ts';
import { DAY_MS, SECOND_MS } from '../../domain/time.ts';
import { rulesProblem } from '../../domain/thresholds.ts';
import type { ThresholdRules } from '../../domain/thresholds.ts';
import { UsageError } from '../../errors.ts';
import { participantOption, policyOption } from './buckets.ts';
import { oneOf, parseWhole } from './parsers.ts';
import type { CommonOptions } from './storage.ts';
import { checkOrder, fromOption, toOption } from './times.ts';
import type { TimeRange } from './times.ts';

/** In place of one category. */
export const ALL_CATEGORIES = 'all';

interface RuleOptions {
  readonly warning?: number | undefined;
  readonly critical?: number | undefined;
  readonly resolveMargin?: number | undefined;
  readonly forObservations?: number | undefined;
}

export interface WhatIfOptions extends CommonOptions, RuleOptions, TimeRange {
  readonly againstWarning?: number;
  readonly againstCritical?: number;
  readonly againstResolveMargin?: number;
  readonly againstForObservations?: number;
  readonly every?: number;
  readonly horizon?: number;
  readonly category?: Category | typeof ALL_CATEGORIES;
  readonly notFoundRate?: number;
  readonly cacheHits?: number;
  readonly participant?: string;
  readonly policy?: string;
}

/** Options that speak of alerts, by the name of their flag. */
const ALERT_FLAGS = [
  ['warning', '--warning'],
  ['critical', '--critical'],
  ['resolveMargin', '--resolve-margin'],
  ['forObservations', '--for-observations'],
  ['againstWarning', '--against-warning'],
  ['againstCritical', '--against-critical'],
  ['againstResolveMargin', '--against-resolve-margin'],
  ['againstForObservations', '--against-for-observations'],
  ['every', '--every'],
  ['horizon', '--horizon'],
] as const satisfies readonly (readonly [keyof WhatIfOptions, string])[];

export const whatIfOptions = (): Option[] => [
  share('--warning <percent>', 'WARNING at or below this share left'),
  share('--critical <percent>', 'CRITICAL at or below this share left'),
  share('--resolve-margin <points>', 'points above a threshold before a bucket counts as better'),
  observations('--for-observations <n>', 'observations in a row that must agree'),
  share('--against-warning <percent>', 'compare with these rules instead of with what was raised'),
  share('--against-critical <percent>', 'the same, for CRITICAL'),
  share('--against-resolve-margin <points>', 'the same, for the margin'),
  observations('--against-for-observations <n>', 'the same, for observations in a row'),
  new Option('--every <interval>', 'also with polls this far apart only, such as 5m').argParser(parseEvery),
  new Option('--horizon <duration>', 'also: had forecasts looked this far ahead, such as 10m').argParser(parseHorizon),
  new Option(
    '--category <letter>',
    `instead: when buckets of this category (${CATEGORIES.join(', ')}) would have answered 429; all: ranks them by how long`,
  ).argParser(oneOf([...CATEGORIES, ALL_CATEGORIES])),
  share('--not-found-rate <percent>', 'instead: tokens that queries of keys would cost if so many found nothing'),
  share('--cache-hits <percent>', 'instead: tokens that they would cost if a cache answered so many'),
  fromOption(),
  toOption(),
  participantOption(),
  policyOption(),
];

const share = (flags: string, what: string): Option => new Option(flags, what).argParser(parseShare);

const observations = (flags: string, what: string): Option => new Option(flags, what).argParser(parseWhole(1, 100));

/** A share of the capacity, percent, or points of it. */
function parseShare(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text.trim()) || value > 100) {
    throw new InvalidArgumentError('a number from 0 to 100 is needed.');
  }
  if (!hasFewDecimals(text)) throw new InvalidArgumentError(`at most ${MAX_DECIMALS} decimals are carried.`);
  return value;
}

/** @returns milliseconds */
function parseEvery(text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms < SECOND_MS || ms > DAY_MS)
    throw new InvalidArgumentError('an interval from 1s to 1d is needed, such as 5m.');
  return ms;
}

function parseHorizon(text: string): number {
  const ms = parseDuration(text);
  if (ms === null || !isHorizon(ms)) throw new InvalidArgumentError(`${HORIZON_TEXT} is needed.`);
  return ms;
}

/** @throws {UsageError} options contradict each other */
export function checkWhatIf(options: WhatIfOptions): void {
  checkOrder(options);
  if (asksOfCalls(options)) checkCalls(options);
  if (options.category === undefined) return;
  const wrong = ALERT_FLAGS.filter(([name]) => options[name] !== undefined).map(([, flag]) => flag);
  if (wrong.length === 0) return;
  throw new UsageError(`--category asks about the bucket itself, not about alerts: leave out ${wrong.join(', ')}`);
}

/** Whether it is about calls, not about alerts. */
export const asksOfCalls = ({ notFoundRate, cacheHits }: WhatIfOptions): boolean =>
  notFoundRate !== undefined || cacheHits !== undefined;

function checkCalls(options: WhatIfOptions): void {
  const flags = [...ALERT_FLAGS, ['category', '--category'] as const];
  const wrong = flags.filter(([name]) => options[name] !== undefined).map(([, flag]) => flag);
  if (wrong.length > 0)
    throw new UsageError(
      `--not-found-rate and --cache-hits ask about tokens, not about alerts: leave out ${wrong.join(', ')}`,
    );
  if ((options.policy ?? PARTICIPANT_ANTISCAN) !== PARTICIPANT_ANTISCAN)
    throw new UsageError(`--not-found-rate and --cache-hits are about ${PARTICIPANT_ANTISCAN} alone`);
}

/** The rules asked about; those of production where no option names one. @throws {UsageError} they contradict */
export const rulesAsked = (production: ThresholdRules, options: WhatIfOptions): ThresholdRules =>
  rulesFrom(production, options, '') ?? production;

/** The rules to compare with; `null`: with what was raised. @throws {UsageError} they contradict one another */
export const rulesAgainst = (production: ThresholdRules, options: WhatIfOptions): ThresholdRules | null =>
  rulesFrom(
    production,
    {
      warning: options.againstWarning,
      critical: options.againstCritical,
      resolveMargin: options.againstResolveMargin,
      forObservations: options.againstForObservations,
    },
    'the rules to compare with: ',
  );

/** `null` when no option names a rule. */
function rulesFrom(production: ThresholdRules, options: RuleOptions, whose: string): ThresholdRules | null {
  const { warning, critical, resolveMargin, forObservations } = options;
  if ([warning, critical, resolveMargin, forObservations].every((given) => given === undefined)) return null;
  const rules = {
    warningPercent: warning ?? production.warningPercent,
    criticalPercent: critical ?? production.criticalPercent,
    resolveMargin: resolveMargin ?? production.resolveMargin,
    forObservations: forObservations ?? production.forObservations,
  };
  const problem = rulesProblem(rules);
  if (problem !== null) throw new UsageError(`${whose}${problem}`);
  return rules;
}
