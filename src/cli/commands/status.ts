/** `balde status`: how the buckets stand, and how Balde does. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { pickBuckets } from '../../operate/buckets.ts';
import { HEALTH, narrowed, readStatus } from '../../operate/status.ts';
import type { Health, StatusFilter } from '../../operate/status.ts';
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
import { clearScreen } from '../print.ts';
import { recoveryText } from '../render/recovery.ts';
import { refillJson, refillText } from '../render/refill.ts';
import { statusJson, statusText } from '../render/status.ts';
import { narrowedOverview, watchText } from '../render/watch.ts';
import { stopSignal } from '../signals.ts';

interface StatusOptions extends CommonOptions {
  readonly refill?: boolean;
  readonly watch?: boolean;
  readonly recovery?: boolean;
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
      new Option('--watch', 'draw it anew whenever something changes, until stopped (Ctrl-C)').conflicts([
        ...['json', 'refill', 'recovery'],
      ]),
      new Option(
        '--recovery',
        'when each bucket is usable, above WARNING and full again instead: at the earliest, at the latest, and under the present demand',
      ).conflicts('refill'),
      new Option('--severity <level>').argParser(oneOfAnyCase(HEALTH)).hideHelp(),
    ],
    read: async ({ storage, config, options }: AskedOf<StatusOptions>) => {
      const { participant, policy, severity, level = severity } = options;
      if (participant !== undefined || policy !== undefined) await pickBuckets(storage.database, options);
      if (options.refill === true) return { refill: await knownRefills(storage.database, { participant, policy }) };
      if (options.watch === true) return { watched: watch({ storage, config }, { participant, policy, level }) };
      const status = narrowed(await readStatus(storage, Date.now()), { participant, policy, level });
      return { status, where: storage.description, isRecovery: options.recovery === true };
    },
    text: (answer) => {
      if ('watched' in answer) return answer.watched;
      if ('refill' in answer) return refillText(answer.refill);
      return answer.isRecovery ? recoveryText(answer.status.states) : statusText(answer);
    },
    json: (answer) => {
      if ('refill' in answer) return answer.refill.map(refillJson);
      return 'status' in answer ? statusJson(answer.status) : null;
    },
  });

async function knownRefills(sql: Sql, filter: BucketFilter): Promise<RefillRow[]> {
  const found = await refills(sql, filter);
  if (found !== null) return found;
  throw new UsageError(
    'the read model in service is of a revision that knows nothing of refills: run balde rebuild states',
  );
}

/** Ages grow between two changes. Milliseconds. */
const REDRAWN_MS = 5_000;

/** The lines of each picture, the screen cleared before it. */
async function* watch({ storage, config }: Pick<AskedOf, 'storage' | 'config'>, filter: StatusFilter) {
  const signal = stopSignal();
  // What is served is more than the other forms of this command need.
  const [{ apiOf }, { watching }, { sourcesOf }] = await Promise.all([
    import('../../api/api.ts'),
    import('../../api/watching.ts'),
    import('../sites.ts'),
  ]);
  const { hub } = apiOf(sourcesOf({ storage, config, signal }));
  for await (const seen of watching(hub, signal, process.stdout.isTTY ? REDRAWN_MS : undefined)) {
    clearScreen();
    yield* watchText(narrowedOverview(seen, filter), storage.description, Date.now());
  }
}
