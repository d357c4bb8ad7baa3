/** `balde policies`: which policies are known, and how those that nobody observes any more are retired. */
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { listPolicies, retirable, retirePolicies } from '../../operate/policies.ts';
import type { RetireQuery } from '../../operate/policies.ts';
import { actingCommand, commandGroup, readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { yesOption } from '../options/acting.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { required } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { policiesText, policyJson, retiredText, retireQuestion } from '../render/policies.ts';
import { stopSignal } from '../signals.ts';

interface ListOptions extends CommonOptions {
  readonly participant?: string;
}

interface RetireOptions extends CommonOptions, RetireQuery {
  readonly yes?: boolean;
}

export const policiesCommand = (): Command =>
  commandGroup({ name: 'policies', description: 'the policies known: list, retire' }, listCommand(), retireCommand());

const listCommand = (): Command =>
  readingCommand({
    name: 'list',
    description: 'every policy ever observed, and whether it still is',
    options: [participantOption()],
    read: async ({ storage, options }: AskedOf<ListOptions>) =>
      await listPolicies(storage.database, options.participant),
    text: policiesText,
    json: (found) => ({ policies: found.map(policyJson) }),
  });

const RETIRE_HELP = `
Without --policy, all policies of the participant are retired.

For policies that nobody observes any more: those of a participant that is no longer configured have no poller that could
notice. (A poller retires by itself what RETIRE_AFTER_LISTS complete lists in a row lack.) An open alert ends with reason
RETIRED, and the bucket leaves status and gauges; history stays. A poller that runs need not be stopped: what it still
observes comes back with its next observation.`;

const retireCommand = (): Command =>
  actingCommand({
    name: 'retire',
    description: 'say that policies are not observed any more: their alerts end',
    options: [required(participantOption()), policyOption(), yesOption()],
    help: RETIRE_HELP,
    act: async ({ storage, options }: AskedOf<RetireOptions>) => {
      const found = await retirable(storage.database, options);
      if (options.yes !== true && found.length > 0) throw new UsageError(retireQuestion(found));
      if (found.length > 0) await retirePolicies(storage, options.participant, found, stopSignal());
      return found;
    },
    text: retiredText,
    json: (found) => ({ retired: found.map(({ policy }) => policy) }),
  });
