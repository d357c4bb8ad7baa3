/** `balde status`: how the buckets stand, and how Balde does. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { pickBuckets } from '../../operate/buckets.ts';
import { HEALTH, narrowed, readStatus } from '../../operate/status.ts';
import type { Health } from '../../operate/status.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { oneOfAnyCase } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { UsageError } from '../../errors.ts';
import type { Sql } from '../../store/database.ts';
import type { BucketFilter } from '../../views/buckets.ts';
import { refills } from '../../views/refill.ts';
import type { RefillRow } from '../../views/refill.ts';
import { refillJson, refillText } from '../render/refill.ts';
import { statusJson, statusText } from '../render/status.ts';

interface StatusOptions extends CommonOptions {
  readonly refill?: boolean;
  readonly participant?: string;
  readonly policy?: string;
  readonly level?: Health;
  readonly severity?: Health;
}

export const statusCommand = (): Command =>
  readingCommand({
    name: 'status',
    description: 'show the buckets (worst first), open alerts, the size of history, and how far the processors are',
    options: [
      participantOption(),
      policyOption(),
      new Option('--level <level>', `buckets that are ${HEALTH.join(', ')}, and alerts of that severity`).argParser(
        oneOfAnyCase(HEALTH),
      ),
      new Option(
        '--refill',
        'how the refill of each bucket arrives instead: as lumps, and when in its period, or as a drip',
      ),
      new Option('--severity <level>').argParser(oneOfAnyCase(HEALTH)).hideHelp(),
    ],
    read: async ({ storage, options }: AskedOf<StatusOptions>) => {
      const { participant, policy, severity, level = severity } = options;
      if (participant !== undefined || policy !== undefined) await pickBuckets(storage.database, options);
      if (options.refill === true) return { refill: await knownRefills(storage.database, { participant, policy }) };
      const status = narrowed(await readStatus(storage, Date.now()), { participant, policy, level });
      return { status, where: storage.description };
    },
    text: (answer) => ('refill' in answer ? refillText(answer.refill) : statusText(answer)),
    json: (answer) => ('refill' in answer ? answer.refill.map(refillJson) : statusJson(answer.status)),
  });

async function knownRefills(sql: Sql, filter: BucketFilter): Promise<RefillRow[]> {
  const found = await refills(sql, filter);
  if (found !== null) return found;
  throw new UsageError(
    'the read model in service is of a revision that knows nothing of refills: run balde rebuild states',
  );
}
