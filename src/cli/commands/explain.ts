/** `balde explain`: why an alert was raised, and what became of it. */
import { Argument, Command, Option } from 'commander';
import { explainChart } from '../../analysis/charts.ts';
import { explainAlert } from '../../analysis/explain.ts';
import { UsageError } from '../../errors.ts';
import { alertsBetween, alertsStarting } from '../../views/alerts.ts';
import type { Sql } from '../../store/database.ts';
import { svgOption, writeChart } from '../options/chart.ts';
import { jsonOption, printJson, printLine, observing, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { explanationJson, explanationText } from '../render/explanation.ts';
import { timeText } from '../../format.ts';
import { pickBuckets } from '../options/buckets.ts';

interface ExplainOptions extends CommonOptions {
  readonly svg?: string;
  readonly last?: boolean;
  readonly participant?: string;
  readonly policy?: string;
}

/** What an id may begin with: at least four characters, or it would mostly be a slip. */
const PREFIX = /^[0-9a-f]{4}[0-9a-f-]{0,32}$/;
const MAX_NAMED = 10;

const HOW = 'balde alerts --json lists alerts with their ids';

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('explain why an alert was raised, from which observations, and what followed')
    .addArgument(
      new Argument('[alert-id]', 'its id, or the beginning of it as balde alerts shows it (four characters or more)'),
    )
    .addOption(new Option('--last', 'the newest alert'))
    .addOption(new Option('--participant <ispb>', 'with --last: of this participant'))
    .addOption(new Option('--policy <name>', 'with --last: of this policy'))
    .addOption(jsonOption().conflicts('svg'))
    .addOption(svgOption());
  return withStorageOptions(command).action(async (id: string | undefined, options: ExplainOptions) => {
    await explain(id, options);
  });
}

async function explain(said: string | undefined, options: ExplainOptions): Promise<void> {
  checkAsked(said, options);
  await observing(options, async ({ database }) => {
    const id = said === undefined ? await lastId(database, options) : await wholeId(database, said);
    const explanation = await explainAlert(database, id);
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

function checkAsked(said: string | undefined, { last = false, participant, policy }: ExplainOptions): void {
  if (last === (said !== undefined))
    throw new UsageError(`which alert? Give its id or --last${last ? ', not both' : ''}: ${HOW}`);
  if (!last && (participant !== undefined || policy !== undefined))
    throw new UsageError('--participant and --policy go with --last: an id names its alert by itself');
  if (said !== undefined && !PREFIX.test(said.toLowerCase()))
    throw new UsageError(
      `${JSON.stringify(said)} is no id of an alert, nor four or more characters that one begins with: ${HOW}`,
    );
}

async function wholeId(sql: Sql, said: string): Promise<string> {
  const found = await alertsStarting(sql, said.toLowerCase(), MAX_NAMED + 1);
  const [alert] = found;
  if (alert === undefined) throw new UsageError(`there is no alert ${said}: ${HOW}`);
  if (found.length === 1) return alert.id;
  const named = found
    .slice(0, MAX_NAMED)
    .map((one) => `\n  ${one.id}  ${timeText(one.created_at)}  ${one.severity} of ${one.endpoint_id}`);
  throw new UsageError(
    `${said} begins the ids of ${found.length > MAX_NAMED ? `more than ${MAX_NAMED}` : found.length} alerts, give more of it:${named.join('')}`,
  );
}

async function lastId(sql: Sql, options: ExplainOptions): Promise<string> {
  const { participant = null, policy = null } = options;
  const filter = { open: false, from: null, to: null, participant, policy, severity: null };
  const [last] = await alertsBetween(sql, filter, 1);
  if (last !== undefined) return last.id;
  const narrowed = participant !== null || policy !== null;
  if (narrowed) await pickBuckets(sql, options);
  const of = narrowed ? ` for ${[participant, policy].filter((name) => name !== null).join(', ')}` : '';
  throw new UsageError(`no alert was raised${of} yet: there is nothing to explain`);
}
