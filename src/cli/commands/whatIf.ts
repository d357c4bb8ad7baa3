/** `balde what-if`: history under other threshold rules, or under another category. */
import type { Command } from 'commander';
import { simulateCategories, simulateCategory } from '../../analysis/category.ts';
import type { CategoriesOptions } from '../../analysis/category.ts';
import { rankCategories } from '../../analysis/categoryRanking.ts';
import { categoryChart, rankingChart, whatIfChart } from '../../analysis/charts.ts';
import type { WhatIfReport } from '../../analysis/comparison.ts';
import { whatIf } from '../../analysis/whatIf.ts';
import { tryCalls } from '../../analysis/callTrial.ts';
import { CATEGORY_POLICIES, PARTICIPANT_ANTISCAN } from '../../domain/catalog.ts';
import type { Category } from '../../domain/catalog.ts';
import { DAY_MS } from '../../domain/time.ts';
import { UsageError } from '../../errors.ts';
import { timeText } from '../../format.ts';
import { pickBuckets } from '../../operate/buckets.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import {
  ALL_CATEGORIES,
  asksOfCalls,
  checkWhatIf,
  rulesAgainst,
  rulesAsked,
  whatIfOptions,
} from '../options/whatIf.ts';
import type { WhatIfOptions } from '../options/whatIf.ts';
import { callTrialCsv, callTrialJson, callTrialText } from '../render/callTrial.ts';
import { rankingCsv, rankingJson, rankingText } from '../render/categoryRanking.ts';
import { categoryCsv, categoryJson, categoryText } from '../render/categoryReport.ts';
import { progressBar } from '../render/progressBar.ts';
import { whatIfCsv, whatIfJson, whatIfText } from '../render/whatIfReport.ts';
import { stopSignal } from '../signals.ts';

const HELP = `
Thresholds you don't give are those of the configuration; with none, the result is what was really raised. Two alerts,
one of each side, count as the same if bucket and severity are equal and they overlap in time. --from and --to take what
was going on at some time between them. --every thins history to the first poll in each such stretch of time. With
--category all, the categories A to H are ranked by how long each would have answered 429. --not-found-rate and --cache-hits
are of the 24 hours before --to unless --from says otherwise. docs/what-if.md says more.`;

export const whatIfCommand = (): Command =>
  readingCommand({
    name: 'what-if',
    description: 'compare the alerts that other thresholds would have raised with those really raised',
    options: whatIfOptions(),
    help: HELP,
    check: ({ options }) => checkWhatIf(options),
    read: async (asked: AskedOf<WhatIfOptions>) => {
      const { category } = asked.options;
      if (asksOfCalls(asked.options)) return await callsInForms(asked);
      return category === undefined ? inForms(await compareRules(asked)) : await categoryInForms(asked, category);
    },
    // Two questions, each with forms of its own.
    text: ({ text }) => text(),
    json: ({ json }) => json(),
    csv: ({ csv }) => csv(),
    chart: async ({ chart }) => await chart(),
  });

async function callsInForms({ storage: { database }, options }: AskedOf<WhatIfOptions>) {
  const { participant, notFoundRate, cacheHits, to: until = Date.now(), from: since = until - DAY_MS } = options;
  const found = await tryCalls(database, { participant, notFoundRate, cacheHits, since, until });
  if (found.length === 0)
    throw new UsageError(
      `nobody reports calls of ${PARTICIPANT_ANTISCAN} from ${timeText(since)} to ${timeText(until)}: docs/calls.md says how`,
    );
  return {
    text: () => found.flatMap(callTrialText),
    json: () => callTrialJson({ notFoundRate, cacheHits }, found),
    csv: () => callTrialCsv(found),
    chart: async () =>
      await Promise.reject(
        new UsageError('--svg draws alerts and categories: there is nothing to draw of tokens a day'),
      ),
  };
}

const inForms = (report: WhatIfReport) => ({
  text: () => whatIfText(report),
  json: () => whatIfJson(report),
  csv: () => whatIfCsv(report),
  chart: async () => await whatIfChart(report),
});

async function categoryInForms(asked: AskedOf<WhatIfOptions>, category: Category | typeof ALL_CATEGORIES) {
  const { database } = asked.storage;
  const options = await categoriesAsked(asked);
  if (category === ALL_CATEGORIES) {
    const rankings = rankCategories(await simulateCategories(database, options));
    return {
      text: () => rankings.flatMap(rankingText),
      json: () => ({ category, policies: rankings.map(rankingJson) }),
      csv: () => rankingCsv(rankings),
      chart: async () => await rankingChart(rankings),
    };
  }
  const outcomes = await simulateCategory(database, { ...options, category });
  return {
    text: () => outcomes.flatMap(categoryText),
    json: () => ({ category, policies: outcomes.map(categoryJson) }),
    csv: () => categoryCsv(outcomes),
    chart: async () => await categoryChart(outcomes),
  };
}

/** @throws {UsageError} of none of the buckets */
async function categoriesAsked({
  storage: { database },
  options: { from, to, participant, policy },
}: AskedOf<WhatIfOptions>): Promise<CategoriesOptions> {
  const buckets = await pickBuckets(database, { participant, policy });
  if (buckets.some((bucket) => CATEGORY_POLICIES.includes(bucket.policy)))
    return { buckets, from, to, signal: stopSignal() };
  throw new UsageError(
    `only ${CATEGORY_POLICIES.join(' and ')} depend on the category, and neither is among these buckets`,
  );
}

const PROGRESS = 'reading history  {bar} {percentage}%  {value}/{total} buckets  {eta_formatted} left';
/** Shorter runs show no bar. */
const PATIENCE_MS = 1_000;

async function compareRules({ storage: { database }, config, options }: AskedOf<WhatIfOptions>): Promise<WhatIfReport> {
  const { from, to, participant, policy, every: everyMs, horizon: horizonMs } = options;
  const rules = rulesAsked(config.rules, options);
  const against = rulesAgainst(config.rules, options);
  const buckets = await pickBuckets(database, { participant, policy });
  const bar = progressBar(PROGRESS, PATIENCE_MS);
  try {
    return await whatIf(database, {
      ...{ buckets, from, to, rules, against, everyMs, horizonMs },
      signal: stopSignal(),
      onProgress: bar.show,
    });
  } finally {
    bar.stop();
  }
}
