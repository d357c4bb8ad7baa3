/** `balde what-if`: history under other threshold rules, or under another category. */
import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import { whatIfChart } from '../../analysis/charts.ts';
import { whatIf } from '../../analysis/whatIf.ts';
import { CATEGORIES } from '../../domain/catalog.ts';
import { rulesProblem } from '../../domain/thresholds.ts';
import type { ThresholdRules } from '../../domain/thresholds.ts';
import { UsageError } from '../../errors.ts';
import { svgOption, writeChart } from '../options/chart.ts';
import { jsonOption, observing, printJson, printLine, printText, stopSignal, withStorageOptions } from '../common.ts';
import { oneOf, parseWhole } from '../options/parsers.ts';
import { participantOption, pickBuckets, policyOption } from '../options/buckets.ts';
import { checkOrder, fromOption, toOption, withTimesHelp } from '../options/times.ts';
import { whatIfCategory } from './whatIfCategory.ts';
import { parseShare } from '../options/whatIf.ts';
import type { RuleOptions, WhatIfOptions } from '../options/whatIf.ts';
import { whatIfCsv, whatIfJson, whatIfText } from '../render/whatIfReport.ts';

const HELP = `
Thresholds you don't give are those of the configuration; with none, the result is what was really raised. Two alerts,
one of each side, count as the same if bucket and severity are equal and they overlap in time.
docs/what-if.md says more.`;

export function whatIfCommand(): Command {
  const command = new Command('what-if')
    .description('compare the alerts that other thresholds would have raised with those really raised')
    .addOption(new Option('--warning <percent>', 'WARNING at or below this share left').argParser(parseShare))
    .addOption(new Option('--critical <percent>', 'CRITICAL at or below this share left').argParser(parseShare))
    .addOption(
      new Option('--resolve-margin <points>', 'points above a threshold before a bucket counts as better').argParser(
        parseShare,
      ),
    )
    .addOption(
      new Option('--for-observations <n>', 'observations in a row that must agree').argParser(parseWhole(1, 100)),
    )
    .addOption(
      new Option('--against-warning <percent>', 'compare with these rules instead of with what was raised').argParser(
        parseShare,
      ),
    )
    .addOption(new Option('--against-critical <percent>', 'the same, for CRITICAL').argParser(parseShare))
    .addOption(new Option('--against-resolve-margin <points>', 'the same, for the margin').argParser(parseShare))
    .addOption(
      new Option('--against-for-observations <n>', 'the same, for observations in a row').argParser(parseWhole(1, 100)),
    )
    .addOption(
      new Option(
        '--category <letter>',
        `instead: when buckets of this category (${CATEGORIES.join(', ')}) would have answered 429`,
      ).argParser(oneOf(CATEGORIES)),
    )
    .addOption(fromOption('only what was going on at this time or later'))
    .addOption(toOption('only what was going on before this time'))
    .addOption(participantOption())
    .addOption(policyOption())
    .addOption(jsonOption().conflicts(['csv', 'svg']))
    .addOption(new Option('--csv', 'print the differences as CSV with a header').conflicts('svg'))
    .addOption(svgOption())
    .addHelpText('after', HELP);
  withTimesHelp(command);
  return withStorageOptions(command).action(async (options: WhatIfOptions) => {
    await (options.category === undefined ? compareRules(options) : whatIfCategory(options));
  });
}

async function compareRules(options: WhatIfOptions): Promise<void> {
  const { from, to, participant, policy } = options;
  checkOrder(from, to);
  const signal = stopSignal();
  const bar = progressBar();
  await observing(options, async ({ database }, config) => {
    const rules = rulesFrom(config.rules, options, '');
    const against = rulesFrom(config.rules, againstOptions(options), 'the rules to compare with: ');
    const buckets = await pickBuckets(database, { participant, policy });
    const report = await whatIf(database, {
      ...{ buckets, from, to, signal, onProgress: bar.show },
      rules: rules ?? config.rules,
      against,
    });
    bar.stop();
    if (options.json === true) printJson(whatIfJson(report));
    else if (options.csv === true) printText(whatIfCsv(report));
    else if (options.svg === undefined) for (const line of whatIfText(report)) printLine(line);
    else await writeChart(options.svg, await whatIfChart(report));
  })
    .catch((error: unknown) => {
      if (!signal.aborted) throw error;
      process.exitCode = 130;
    })
    .finally(bar.stop);
}

const againstOptions = (options: WhatIfOptions): RuleOptions => ({
  warning: options.againstWarning,
  critical: options.againstCritical,
  resolveMargin: options.againstResolveMargin,
  forObservations: options.againstForObservations,
});

/** `null` when no option names a rule. @throws {UsageError} they contradict one another */
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

/** Short runs show none. */
const PATIENCE_MS = 1_000;

/** On standard error, and only where someone watches. */
function progressBar(): { show: (done: number, total: number) => void; stop: () => void } {
  const format = 'reading history  {bar} {percentage}%  {value}/{total} buckets  {eta_formatted} left';
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, fps: 4 });
  const begun = performance.now();
  let started = false;
  return {
    show: (done, total) => {
      if (!process.stderr.isTTY || (!started && performance.now() - begun < PATIENCE_MS)) return;
      if (!started) bar.start(total, done);
      started = true;
      bar.update(done);
    },
    stop: () => {
      if (started) bar.stop();
      started = false;
    },
  };
}
