/** A database set back to a backup, or new, while the event log goes on; and the processes on it. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { consume } from '../../src/consume/consumer.ts';
import { reactorEffects } from '../../src/consume/effects.ts';
import { Processor } from '../../src/consume/processor.ts';
import { relay } from '../../src/consume/relay.ts';
import type { ThresholdRules } from '../../src/domain/thresholds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { READ_MODELS } from '../../src/topology/folds.ts';
import { Reconciler } from '../../src/app/reconcile.ts';
import { foldStandings } from '../../src/app/standing.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { eventually } from '../support/eventually.ts';
import { recorder } from './inProcess.ts';
import type { Recorder } from './inProcess.ts';

/** Everything but the embedded log and the list of versions: those tell no more than the folder and the program do. */
const TABLES = `select format('%I.%I', n.nspname, c.relname) as name, n.nspname || '__' || c.relname as copy
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition
    and (n.nspname = 'balde' and c.relname <> 'projection' or n.nspname ~ '_v\\d+$')`;

const tables = async (database: Database) => await database.query<{ name: string; copy: string }>(TABLES);

export async function backup(database: Database): Promise<void> {
  await database.execute('create schema backup');
  for (const { name, copy } of await tables(database))
    await database.execute(`create table backup."${copy}" as table ${name}`);
}

export async function restore(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    for (const { name, copy } of await tables(database)) {
      await tx.execute(`delete from ${name}`);
      await tx.execute(`insert into ${name} overriding system value table backup."${copy}"`);
    }
  });
}

/** As a new database is: migrated, and with nothing in it. */
export async function forget(database: Database): Promise<void> {
  for (const { name } of await tables(database))
    if (!/\.(setting|retention)$/.test(name)) await database.execute(`delete from ${name}`);
}

export interface Processes {
  readonly observer: Recorder;
  readonly superseded: () => number;
  /** Until all is read, judged and sent. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Every fold, and the relay of alerts unless `relays` is false, under the rules given. */
export function start(
  database: Database,
  log: EventLog,
  rules: ThresholdRules,
  { relays = true }: { readonly relays?: boolean } = {},
): Processes {
  const stopping = new AbortController();
  const { signal } = stopping;
  let count = 0;
  const observer = { ...recorder(), superseded: (_: string, alerts: number) => void (count += alerts) };
  const fold = alertingReactor(rules);
  const effects = reactorEffects(RATE_LIMIT_ALERTS);
  const between = new Reconciler({ database, log, fold, rules, effects, observer });
  const taken = new Set<number>();
  const seen = {
    taken: (partition: number) => {
      taken.add(partition);
      between.taken(partition);
    },
    run: async (until: AbortSignal) => await between.run(until),
    get isWaiting() {
      return between.isWaiting;
    },
  };
  const processor = new Processor({ database, fold, decode: POLICY_STATES.decode, effects, observer });
  const reading = { log, topic: fold.topic, subscription: 'alerting-v1', observer, between: seen };
  const context = { database, log, rules, observer };
  const roles = [
    ...READ_MODELS.map(async (what) => await FOLD_RUNNERS[what](context, signal)),
    consume(processor, reading, signal),
    ...(relays ? [relay({ database, log, topic: RATE_LIMIT_ALERTS.name, observer }, signal)] : []),
  ];
  const running = Promise.all(roles);
  // A failure is met when it is waited for.
  running.catch(() => undefined);
  const isDone = async (): Promise<boolean> => {
    const held = (await log.ends(fold.topic)).filter(({ last }) => last !== null);
    if (between.isWaiting || held.some(({ partition }) => !taken.has(partition))) return false;
    const behind = (await foldStandings(database, log)).filter(({ caughtUp }) => !caughtUp);
    return behind.length === 0 && (!relays || (await outboxSize(database)) === 0);
  };
  return {
    observer,
    superseded: () => count,
    settle: async () => {
      const settled = eventually('all is read and sent', async () => (await isDone()) && (await isDone()));
      await Promise.race([settled, running.then(async () => await settled)]);
    },
    stop: async () => {
      stopping.abort(new Error('stopped'));
      await Promise.allSettled(roles);
    },
  };
}
