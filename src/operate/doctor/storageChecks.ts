/** Checks of the database, the event log and what is kept there. */
import type { Config } from '../../config/config.ts';
import { formatDuration } from '../../config/duration.ts';
import type { EventLog } from '../../log/eventLog.ts';
import { TOPICS } from '../../topology/folds.ts';
import { allJudgeAlike, judgingText, processText } from '../../app/presence.ts';
import { missingReadModels } from '../../app/standing.ts';
import { OBSERVING, openExisting } from '../../app/storage.ts';
import { UsageError, messageOf } from '../../errors.ts';
import type { Storage } from '../../app/storage.ts';
import { operations } from '../../serve/operations.ts';
import { newestObservation } from '../../views/latest.ts';
import type { Database } from '../../store/database.ts';
import { pendingMigrations } from '../../store/migrate.ts';
import { livingProcesses } from '../../store/processes.ts';
import { describeLacks, READER, readerLacks } from '../../store/reader.ts';
import { hintFor } from '../../advice.ts';
import { durationText, timeText } from '../../format.ts';
import { clockFinding } from './clock.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';

/** What the database knows of the policies, should no Bridge answer. */
export interface KnownPolicy {
  readonly participant: string;
  readonly name: string;
  readonly capacity: number;
  readonly refillTokens: number;
  readonly refillPeriodSec: number;
}

export interface StorageFindings {
  readonly findings: readonly Finding[];
  readonly policies: readonly KnownPolicy[];
}

export async function checkStorage(config: Config, simulated = false): Promise<StorageFindings> {
  let storage: Storage;
  try {
    // Pulsar is checked by itself: whatever is wrong there, the database can be looked at.
    storage = await openExisting({ ...config, pulsar: null }, { settings: OBSERVING });
  } catch (error) {
    return { findings: [unopened(error)], policies: [] };
  }
  try {
    return await checkOpened(storage, config, simulated);
  } catch (error) {
    return { findings: [unreachable(error)], policies: [] };
  } finally {
    await storage.close();
  }
}

const unopened = (error: unknown): Finding =>
  error instanceof UsageError
    ? warn('database', error.message, 'Nothing, if Balde never ran here: balde start or balde migrate creates it.')
    : unreachable(error);

function unreachable(error: unknown): Finding {
  const hint = hintFor(error).trim();
  return fail(
    'database',
    messageOf(error),
    hint === '' ? 'Check DATABASE_URL, that the server runs, and that this machine may connect to it.' : hint,
  );
}

async function checkOpened(storage: Storage, config: Config, simulated: boolean): Promise<StorageFindings> {
  const { database, log, description } = storage;
  const asked = Date.now();
  const [server] = await database.query<{ version: string; now: number; read_only: boolean }>(
    `select current_setting('server_version') as version, clock_timestamp() as now,
       pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as read_only`,
  );
  const what = `${description}, PostgreSQL ${server?.version ?? 'of unknown version'}`;
  const findings: Finding[] = [
    server?.read_only === true ? fail('database', `${what}: takes no writes`, READ_ONLY) : ok('database', what),
    clockFinding('database clock', server?.now ?? asked, asked, Date.now()),
  ];
  const pending = await pendingMigrations(database);
  if (pending.length > 0) {
    findings.push(fail('schema', `lacks ${pending.join(', ')}`, 'Run balde migrate.'));
    return { findings, policies: [] };
  }
  const missing = await missingReadModels(database);
  const topics = config.pulsar === null ? [await checkTopics(log)] : [];
  if (missing.length > 0) {
    findings.push(fail('schema', `lacks the read models ${missing.join(', ')}`, 'Run balde migrate.'), ...topics);
    return { findings, policies: [] };
  }
  findings.push(ok('schema', 'up to date'), ...topics, await checkRole(database));
  findings.push(
    await checkMonths(database, simulated),
    await checkFreshness(database, config, simulated),
    await checkProcesses(database),
  );
  return { findings, policies: await knownPolicies(database) };
}

const READ_ONLY =
  'It is a standby, or default_transaction_read_only is on for it or for the user: DATABASE_URL must lead to the primary.';

async function checkTopics(log: EventLog): Promise<Finding> {
  const names: string[] = [];
  try {
    for (const { name, partitions } of TOPICS) {
      const found = await log.partitions(name);
      if (found !== partitions) {
        const remedy = 'The number is fixed when a topic is created: use a log that this program created.';
        return fail('event log', `topic ${name} has ${found} partitions, not ${partitions}`, remedy);
      }
      names.push(name);
    }
    return ok('event log', `reachable, with topics ${names.join(', ')}`);
  } catch (error) {
    return fail('event log', messageOf(error), 'Run balde migrate to create the topics.');
  }
}

async function checkRole(database: Database): Promise<Finding> {
  const lacks = await readerLacks(database);
  if (!lacks.role && !lacks.usage && lacks.views.length === 0)
    return ok('read-only role', `${READER} may read the views`);
  const { what, remedy } = describeLacks(lacks);
  return warn('read-only role', what, remedy);
}

/** Months that must exist after the current one. */
const MONTHS_AHEAD = 2;

async function checkMonths(database: Database, simulated: boolean): Promise<Finding> {
  const { monthsAhead, retentionSucceededAt } = await operations(database, Date.now());
  const detail = `history is prepared for ${monthsAhead ?? 0} months ahead; the compactor last succeeded ${timeText(retentionSucceededAt)}`;
  if ((monthsAhead ?? 0) >= MONTHS_AHEAD) return ok('retention', detail);
  if (simulated)
    return warn('retention', detail, 'Nothing, while no simulator runs: balde start --simulate prepares them.');
  return retentionSucceededAt === null
    ? warn('retention', detail, 'Start a process with role retention, or run balde retention run.')
    : fail('retention', detail, 'See the log of role retention for why it fails; balde retention run repeats it.');
}

async function checkFreshness(database: Database, { staleAfterMs }: Config, simulated: boolean): Promise<Finding> {
  const newest = await newestObservation(database);
  if (newest === null) {
    return warn('observations', 'there is none yet', 'Start a process with roles poller and states.');
  }
  const age = Date.now() - newest;
  const detail = `the newest is ${durationText(age / 1000)} old (${timeText(newest)})`;
  if (age <= staleAfterMs) return ok('observations', detail);
  if (simulated) return warn('observations', detail, 'No simulator adds to them now: balde start --simulate goes on.');
  const remedy = `Nothing newer within STALE_AFTER (${formatDuration(staleAfterMs)}): see the logs of roles poller and states, and balde status for processors that are behind.`;
  return fail('observations', detail, remedy);
}

/** Alerts follow the process that decides, views the one that started last: they should all be set alike. */
async function checkProcesses(database: Database): Promise<Finding> {
  const entries = await livingProcesses(database);
  const lines = entries.map((entry) => `${processText(entry)}: ${judgingText(entry)}`);
  if (allJudgeAlike(entries)) return ok('thresholds', lines.length === 0 ? 'no process runs now' : lines.join('\n'));
  return warn(
    'thresholds',
    `processes judge buckets differently:\n${lines.join('\n')}`,
    'Give all of them the same WARNING_PERCENT, CRITICAL_PERCENT, RESOLVE_MARGIN, FOR_OBSERVATIONS, FORECAST_HORIZON and STALE_AFTER.',
  );
}

async function knownPolicies(database: Database): Promise<KnownPolicy[]> {
  return await database.query<KnownPolicy>(
    `select participant, endpoint_id as name, capacity, refill_tokens as "refillTokens",
       refill_period_sec as "refillPeriodSec"
     from dict_rate_limit_policies order by 1, 2`,
  );
}
