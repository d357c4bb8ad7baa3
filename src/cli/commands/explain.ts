/** `balde explain`: why an alert was raised, and what became of it. */
import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { explainChart } from '../../analysis/charts.ts';
import { explainAlert } from '../../analysis/explain.ts';
import type { Explanation } from '../../analysis/explain.ts';
import { UsageError } from '../../errors.ts';
import { HOW_TO_NAME, isBeginningOfId, namedAlert, newestAlert } from '../../operate/namedAlert.ts';
import { readingCommand } from '../command.ts';
import type { Asked, AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import type { CommonOptions } from '../options/storage.ts';
import { explanationJson, explanationText } from '../render/explanation.ts';

interface ExplainOptions extends CommonOptions {
  readonly last?: boolean;
  readonly participant?: string;
  readonly policy?: string;
}

const HELP = `
--participant and --policy go with --last: the newest alert of theirs.`;

export const explainCommand = (): Command =>
  readingCommand({
    name: 'explain',
    description: 'explain why an alert was raised, from which observations, and what followed',
    arguments: [
      new Argument('[alert-id]', 'its id, or the beginning of it as balde alerts shows it (four characters or more)'),
    ],
    options: [new Option('--last', 'the newest alert'), participantOption(), policyOption()],
    help: HELP,
    check: checkAsked,
    read: explain,
    text: explanationText,
    json: explanationJson,
    chart: async (explanation) => await explainChart(withProfile(explanation)),
  });

function checkAsked({ options, args: [said] }: Asked<ExplainOptions, [said?: string]>): void {
  const { last = false, participant, policy } = options;
  if (last === (said !== undefined))
    throw new UsageError(`which alert? Give its id or --last${last ? ', not both' : ''}: ${HOW_TO_NAME}`);
  if (!last && (participant !== undefined || policy !== undefined))
    throw new UsageError('--participant and --policy go with --last: an id names its alert by itself');
  if (said !== undefined && !isBeginningOfId(said))
    throw new UsageError(
      `${JSON.stringify(said)} is no id of an alert, nor four or more characters that one begins with: ${HOW_TO_NAME}`,
    );
}

async function explain({
  storage: { database },
  options,
  args: [said],
}: AskedOf<ExplainOptions, [said?: string]>): Promise<Explanation> {
  const id = said === undefined ? await newestAlert(database, options) : await namedAlert(database, said);
  const explanation = await explainAlert(database, id);
  if (explanation === null) throw new UsageError(`there is no alert ${id}: ${HOW_TO_NAME}`);
  return explanation;
}

function withProfile(explanation: Explanation): Explanation {
  if (explanation.profile !== null) return explanation;
  throw new UsageError('history of that time was dropped by retention: there is nothing to draw');
}
