/** `balde what-if`: history under other threshold rules, or under another category. */
import type { Command } from 'commander';
import { simulateCategory } from '../../analysis/category.ts';
import type { CategoryOutcome } from '../../analysis/category.ts';
import { categoryChart, whatIfChart } from '../../analysis/charts.ts';
import type { WhatIfReport } from '../../analysis/comparison.ts';
import { whatIf } from '../../analysis/whatIf.ts';
import { CATEGORY_POLICIES } from '../../domain/catalog.ts';
import type { Category } from '../../domain/catalog.ts';
import { UsageError } from '../../errors.ts';
import { pickBuckets } from '../../operate/buckets.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { checkWhatIf, rulesAgainst, rulesAsked, whatIfOptions } from '../options/whatIf.ts';
import type { WhatIfOptions } from '../options/whatIf.ts';
import { categoryCsv, categoryJson, categoryText } from '../render/categoryReport.ts';
import { progressBar } from '../render/progressBar.ts';
import { whatIfCsv, whatIfJson, whatIfText } from '../render/whatIfReport.ts';
import { stopSignal } from '../signals.ts';

const HELP = `
Thresholds you don't give are those of the configuration; with none, the result is what was really raised. Two alerts,
one of each side, count as the same if bucket and severity are equal and they overlap in time. --from and --to take what
was going on at some time between them. docs/what-if.md says more.`;

export const whatIfCommand = (): Command =>
  readingCommand({
    name: 'what-if',
    description: 'compare the alerts that other thresholds would have raised with those really raised',
    options: whatIfOptions(),
    help: HELP,
    check: ({ options }) => checkWhatIf(options),
    read: async (asked: AskedOf<WhatIfOptions>) => {
      const { category } = asked.options;
      return category === undefined
        ? inForms(await compareRules(asked))
        : categoryInForms(category, await compareCategory(asked, category));
    },
    // Two questions, each with forms of its own.
    text: ({ text }) => text(),
    json: ({ json }) => json(),
    csv: ({ csv }) => csv(),
    chart: async ({ chart }) => await chart(),
  });

const inForms = (report: WhatIfReport) => ({
  text: () => whatIfText(report),
  json: () => whatIfJson(report),
  csv: () => whatIfCsv(report),
  chart: async () => await whatIfChart(report),
});

const categoryInForms = (category: Category, outcomes: readonly CategoryOutcome[]) => ({
  text: () => outcomes.flatMap(categoryText),
  json: () => ({ category, policies: outcomes.map(categoryJson) }),
  csv: () => categoryCsv(outcomes),
  chart: async () => await categoryChart(outcomes),
});

const PROGRESS = 'reading history  {bar} {percentage}%  {value}/{total} buckets  {eta_formatted} left';
/** Shorter runs show no bar. */
const PATIENCE_MS = 1_000;

async function compareRules({ storage: { database }, config, options }: AskedOf<WhatIfOptions>): Promise<WhatIfReport> {
  const { from, to, participant, policy } = options;
  const rules = rulesAsked(config.rules, options);
  const against = rulesAgainst(config.rules, options);
  const buckets = await pickBuckets(database, { participant, policy });
  const bar = progressBar(PROGRESS, PATIENCE_MS);
  try {
    return await whatIf(database, {
      ...{ buckets, from, to, rules, against },
      signal: stopSignal(),
      onProgress: bar.show,
    });
  } finally {
    bar.stop();
  }
}

async function compareCategory(
  { storage: { database }, options }: AskedOf<WhatIfOptions>,
  category: Category,
): Promise<CategoryOutcome[]> {
  const { from, to, participant, policy } = options;
  const buckets = await pickBuckets(database, { participant, policy });
  const outcomes = await simulateCategory(database, { buckets, category, from, to, signal: stopSignal() });
  if (outcomes.length > 0) return outcomes;
  throw new UsageError(
    `only ${CATEGORY_POLICIES.join(' and ')} depend on the category, and neither is among these buckets`,
  );
}
