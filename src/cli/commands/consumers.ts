/** `balde consumers`: who used a bucket's tokens, and what nobody reported. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { consumers } from '../../analysis/consumers.ts';
import { DAY_MS } from '../../domain/time.ts';
import { TOLERANCE_MS } from '../../views/outcomes.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { parseWhole } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { checkOrder, fromOption, toOption } from '../options/times.ts';
import type { TimeRange } from '../options/times.ts';
import { consumersJson, consumersText } from '../render/consumers.ts';

interface ConsumersOptions extends CommonOptions, TimeRange {
  readonly participant?: string;
  readonly policy?: string;
  /** Seconds. */
  readonly tolerance: number;
}

const HELP = `
The 24 hours before --to unless --from says otherwise. Shares are of the tokens that the reported calls cost; what is
unexplained is proven from the balances, up to when every source has said that it is complete (docs/calls.md).`;

export const consumersCommand = (): Command =>
  readingCommand({
    name: 'consumers',
    description: 'tell who used the tokens of buckets, what found nothing, and what nobody reported',
    options: [
      participantOption(),
      policyOption(),
      fromOption(),
      toOption(),
      new Option('--tolerance <seconds>', "how far clocks of sources may be from DICT's")
        .default(TOLERANCE_MS / 1_000)
        .argParser(parseWhole(0, 3_600)),
    ],
    help: HELP,
    check: ({ options }) => checkOrder(options),
    read: async ({ storage: { database }, options }: AskedOf<ConsumersOptions>) => {
      const { participant, policy, tolerance, from, to: until = Date.now() } = options;
      const since = from ?? until - DAY_MS;
      return await consumers(database, {
        since,
        until,
        participant,
        policy,
        toleranceMs: tolerance * 1_000,
      });
    },
    text: consumersText,
    json: consumersJson,
  });
