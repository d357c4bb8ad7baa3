/** `balde policies`: which policies are known, and how those that nobody observes any more are retired. */
import { Command, Option } from 'commander';
import { listPolicies, retirable, retirePolicies } from '../../operate/policies.ts';
import type { PolicyEntry, RetireQuery } from '../../operate/policies.ts';
import { UsageError } from '../../errors.ts';
import { acting, jsonOption, observing, printJson, printLine, stopSignal, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { table } from '../render/table.ts';
import { iso, numberText, timeText } from '../../format.ts';
import type { Column } from '../render/table.ts';

interface ListOptions extends CommonOptions {
  readonly participant?: string;
}

interface RetireOptions extends CommonOptions, RetireQuery {
  readonly yes?: boolean;
}

export function policiesCommand(): Command {
  return new Command('policies')
    .description('the policies known: list, retire')
    .addCommand(listCommand())
    .addCommand(retireCommand());
}

function listCommand(): Command {
  const command = new Command('list')
    .description('every policy ever observed, and whether it still is')
    .option('--participant <ispb>', 'of this participant only')
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: ListOptions) => {
    await observing(options, async ({ database }) => {
      const found = await listPolicies(database, options.participant);
      if (options.json === true) printJson({ policies: found.map(json) });
      else if (found.length === 0) printLine('no policy was observed yet');
      else for (const line of table(COLUMNS, found)) printLine(line);
    });
  });
}

const json = (entry: PolicyEntry) => ({
  participant: entry.participant,
  endpoint_id: entry.policy,
  capacity: entry.capacity,
  refill_tokens: entry.refillTokens,
  refill_period_sec: entry.refillPeriodSec,
  psp_category: entry.category,
  last_observation: iso(entry.responseTime),
  listed_since: iso(entry.firstSeen),
  retired_since: iso(entry.retiredAt),
});

const COLUMNS: readonly Column<PolicyEntry>[] = [
  { title: 'PARTICIPANT', value: (p) => p.participant },
  { title: 'POLICY', value: (p) => p.policy },
  { title: 'CAPACITY', value: (p) => numberText(p.capacity), right: true },
  {
    title: 'REFILL',
    value: (p) => `${numberText(p.refillTokens)} in ${numberText(p.refillPeriodSec)} s`,
    right: true,
  },
  { title: 'CATEGORY', value: (p) => p.category ?? '-' },
  { title: 'LAST OBSERVATION', value: (p) => timeText(p.responseTime) },
  { title: 'LISTED SINCE', value: (p) => timeText(p.firstSeen) },
  { title: 'RETIRED SINCE', value: (p) => (p.retiredAt === null ? '-' : timeText(p.retiredAt)) },
];

const RETIRE_HELP = `
For policies that nobody observes any more: those of a participant that is no longer configured have no poller that could
notice. (A poller retires by itself what RETIRE_AFTER_LISTS complete lists in a row lack.) An open alert ends with reason
RETIRED, and the bucket leaves status and gauges; history stays. A poller that runs need not be stopped: what it still
observes comes back with its next observation.`;

function retireCommand(): Command {
  const command = new Command('retire')
    .description('say that policies are not observed any more: their alerts end')
    .requiredOption('--participant <ispb>', 'whose')
    .option('--policy <name>', 'this one (all of the participant without)')
    .addOption(new Option('--yes', 'yes, those that are listed without it'))
    .addOption(jsonOption())
    .addHelpText('after', RETIRE_HELP);
  return withStorageOptions(command).action(async (options: RetireOptions) => {
    await acting(options, async (storage) => {
      const found = await retirable(storage.database, options);
      if (options.yes !== true && found.length > 0) throw new UsageError(question(found));
      if (found.length > 0) await retirePolicies(storage, options.participant, found, stopSignal());
      if (options.json === true) printJson({ retired: found.map(({ policy }) => policy) });
      else if (found.length === 0) printLine('nothing to do: retired already');
      else for (const { participant, policy } of found) printLine(`retired  ${policy} of ${participant}`);
    });
  });
}

const question = (found: readonly PolicyEntry[]): string =>
  [
    'this would retire:',
    ...found.map(
      ({ participant, policy, responseTime }) =>
        `  ${policy} of ${participant}, last observed ${timeText(responseTime)}`,
    ),
    'Open alerts of theirs end; history stays; an observation that comes brings them back. Say --yes as well.',
  ].join('\n');
