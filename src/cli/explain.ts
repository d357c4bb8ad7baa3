/** `balde explain`: why an alert was raised, and what became of it. */
import { Argument, Command } from 'commander';
import { explainChart } from '../analysis/charts.ts';
import { explainAlert } from '../analysis/explain.ts';
import { UsageError } from '../main/storage.ts';
import { svgOption, writeChart } from './chart.ts';
import { jsonOption, printJson, printLine, reading, withStorageOptions } from './common.ts';
import type { CommonOptions } from './common.ts';
import { explanationJson, explanationText } from './explainText.ts';

interface ExplainOptions extends CommonOptions {
  readonly svg?: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const HOW = 'balde alerts --json lists alerts with their ids';

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('say why an alert was raised, from which observations, and what followed')
    .addArgument(new Argument('<alert-id>', HOW))
    .addOption(jsonOption().conflicts('svg'))
    .addOption(svgOption());
  return withStorageOptions(command).action(async (id: string, options: ExplainOptions) => {
    await explain(id, options);
  });
}

async function explain(id: string, options: ExplainOptions): Promise<void> {
  if (!UUID.test(id)) throw new UsageError(`${JSON.stringify(id)} is no id of an alert: ${HOW}`);
  await reading(options, async ({ database }) => {
    const explanation = await explainAlert(database, id.toLowerCase());
    if (explanation === null) throw new UsageError(`there is no alert ${id}: ${HOW}`);
    if (options.json === true) printJson(explanationJson(explanation));
    else if (options.svg === undefined) {
      for (const line of explanationText(explanation)) printLine(line);
    } else {
      if (explanation.profile === null) {
        throw new UsageError('history of that time was dropped by retention: there is nothing to draw');
      }
      await writeChart(options.svg, await explainChart(explanation));
    }
  });
}
