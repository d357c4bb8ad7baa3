/** Words of the rebuild's cases: history in a real log, versions in a real database. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { foldBatch } from '../../src/consume/foldBatch.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import type { EventLog, OutgoingMessage } from '../../src/log/eventLog.ts';
import { foldOf } from '../../src/topology/folds.ts';
import type { RebuildableName } from '../../src/topology/folds.ts';
import { catchUp } from '../../src/rebuild/catchUp.ts';
import { logSource } from '../../src/rebuild/logSource.ts';
import { rebuild } from '../../src/rebuild/rebuild.ts';
import type { RebuildObserver, RebuildOptions, RebuildReport } from '../../src/rebuild/rebuild.ts';
import type { Database, Parameter, Row, Sql } from '../../src/store/database.ts';
import { observed, outgoing } from './observations.ts';
import { shared } from './topics.ts';
import { seeded } from '../faults/seeded.ts';

const MINUTE = 60_000;
export const DAY = 1_440;
export const POLICIES = ['CLAIMS_READ', 'KEYS_CHECK', 'ENTRIES_WRITE', 'CIDS_READ', 'ENTRIES_READ'];

/** Observations of the policies every `step` minutes over `days` days from 1 March 2026 on, up and down. */
export function history(days: number, step = 60, seed = 1): PolicyStateObserved[] {
  const random = seeded(seed);
  const events: PolicyStateObserved[] = [];
  for (let minute = 0; minute < days * DAY; minute += step) {
    for (const [i, policy] of POLICIES.entries()) {
      const wave = Math.sin(minute / 400 + i) * 60 + 45;
      const tokens = Math.round(wave + random.between(-15, 15));
      const category = minute > (days * DAY) / 2 ? 'D' : 'C';
      events.push(observed(policy, minute, tokens, { category }));
    }
  }
  return events;
}

/** The same with what a real topic has: repeated, late, and undecodable messages. */
export function untidy(events: readonly PolicyStateObserved[]): (PolicyStateObserved | OutgoingMessage)[] {
  const out: (PolicyStateObserved | OutgoingMessage)[] = [];
  for (const [i, event] of events.entries()) {
    out.push(event);
    if (i % 97 === 0) out.push(event);
    // Late, and new; twice, the second time with other values: the first is kept.
    if (i % 211 === 210) {
      for (const tokens of [33, 34])
        out.push(observed(event.policy, 0, tokens, { responseTime: event.responseTime - 90 * MINUTE + 1 }));
    }
    if (i % 503 === 0) out.push({ ...outgoing(event), payload: Buffer.from('not Avro') });
  }
  return out;
}

/** Folds a topic into the version that is in service, on the path of live events. */
export async function live(database: Database, log: EventLog, what: RebuildableName, version = 1): Promise<void> {
  await catchUp({ ...foldOf(what), database, log, build: { name: what, version }, signal: never() });
}

/** Where each partition ends now. */
export async function endsOf(log: EventLog): Promise<Map<number, string>> {
  const ends = await log.ends(TOPIC);
  return new Map(ends.flatMap(({ partition, last }) => (last === null ? [] : [[partition, last] as const])));
}

export const never = (): AbortSignal => new AbortController().signal;

export const SILENT: RebuildObserver = {
  filling: () => undefined,
  committed: () => undefined,
  step: () => undefined,
  retrying: () => undefined,
};

export async function rebuilt(
  database: Database,
  log: EventLog,
  what: RebuildableName,
  options: Partial<RebuildOptions<unknown, unknown, string>> = {},
): Promise<RebuildReport> {
  return await rebuild({
    database,
    log,
    ...foldOf(what),
    source: logSource(log, 'the log'),
    until: null,
    rate: null,
    verify: true,
    cutOver: true,
    restart: false,
    signal: never(),
    observer: SILENT,
    ...options,
  });
}

/** A database as it is, and what each transaction on it has read. */
export function watched(database: Database): { readonly database: Database; readonly read: Row[][] } {
  const read: Row[][] = [];
  const watch = (tx: Sql): Sql => {
    const rows: Row[] = [];
    read.push(rows);
    return {
      ...tx,
      query: async <R extends object>(text: string, parameters?: readonly Parameter[]) => {
        const found = await tx.query<R>(text, parameters);
        rows.push(...(found as Row[]));
        return found;
      },
    };
  };
  const transaction: Database['transaction'] = async (work) =>
    await database.transaction(async (tx) => await work(watch(tx)));
  return { database: { ...database, transaction }, read };
}

/** Publishes the alert events that the observations cause, as relay and reactor would. */
export async function publishAlerts(log: EventLog, events: readonly PolicyStateObserved[]): Promise<number> {
  const { out } = foldBatch(alertingReactor(), new Map(), events);
  const producer = await shared(log, RATE_LIMIT_ALERTS.name, 'alerts');
  await producer.send(out.map((event, sequenceId) => ({ ...RATE_LIMIT_ALERTS.encode(event), sequenceId })));
  await producer.close();
  return out.length;
}

export const TOPIC = POLICY_STATES.name;
