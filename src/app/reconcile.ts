/**
 * Brings the reactor's states and the alert topic in line, where a restored or new database knows less than the topic.
 *
 * An alert that is open on the topic and that no state knows would stay open for ever: it is ended there (SUPERSEDED).
 * An alert that is open in its state and over on the topic would never be told again: its bucket is decided anew.
 *
 * "Not known" is also true of a database that is only behind, so a partition is judged when all has been read that it
 * held when it was taken over: what is decided the same again is known by then. It is judged in one transaction that
 * holds the partition's checkpoint, and which looks at the outbox before the topic: what another instance has decided
 * is in the one or on the other.
 */
import { supersede, withoutAlert } from '../../projections/alerting/ended.ts';
import type { AlertingState } from '../../projections/alerting/fold.ts';
import { RATE_LIMIT_ALERTS } from '../codec/topics.ts';
import type { Between } from '../consume/consumer.ts';
import type { Effects } from '../consume/effects.ts';
import type { ConsumeObserver } from '../consume/observer.ts';
import type { AlertEvent, AlertResolved } from '../domain/events.ts';
import { bucketKey } from '../domain/events.ts';
import { alertEventId } from '../domain/identity.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { EventLog, Position } from '../log/eventLog.ts';
import { hasReached, isAfter } from '../log/positions.ts';
import { required } from '../required.ts';
import { partitionOf } from '../log/partitionOf.ts';
import { lockCheckpoint, readCheckpoints } from '../store/checkpoints.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { loadStates, stateParts, statesWhere } from '../store/foldStates.ts';
import { outboxEvents, outboxParts } from '../store/outbox.ts';
import { runParts } from '../store/parts.ts';
import { firstVersionOf, schemaOf } from '../store/schemas.ts';
import type { FoldRevision } from '../store/schemas.ts';
import { OpenAlerts } from './openAlerts.ts';

export interface ReconcileOptions {
  readonly database: Database;
  readonly log: EventLog;
  /** The reactor, and the topic that it reads. */
  readonly fold: FoldRevision & { readonly topic: string };
  readonly rules: ThresholdRules;
  readonly effects: Pick<Effects<AlertEvent>, 'outbox' | 'committed'>;
  readonly observer: ConsumeObserver;
}

/** Where a partition ended when it was taken over: `null` when it was empty, `undefined` before that was asked. */
type End = Position | null | undefined;

export class Reconciler implements Between {
  readonly #options: ReconcileOptions;
  readonly #installed: FoldId;
  readonly #schema: string;
  /** Partitions that are still to be judged. */
  readonly #pending = new Map<number, End>();
  #isBegun = false;
  /** States were made others since that was last told: also by a transaction whose answer was lost. */
  #isChanged = false;

  constructor(options: ReconcileOptions) {
    this.#options = options;
    this.#installed = firstVersionOf(options.fold);
    this.#schema = schemaOf(this.#installed);
  }

  taken(partition: number): void {
    this.#pending.set(partition, undefined);
  }

  get isWaiting(): boolean {
    return this.#pending.size > 0 || !this.#isBegun;
  }

  async run(signal: AbortSignal): Promise<'unchanged' | 'changed'> {
    if (this.isWaiting) await this.#judgeDue(signal);
    const outcome = this.#isChanged ? 'changed' : 'unchanged';
    this.#isChanged = false;
    return outcome;
  }

  async #judgeDue(signal: AbortSignal): Promise<void> {
    const { database, log, fold, effects, observer } = this.#options;
    const positions = await readCheckpoints(database, this.#installed);
    await this.#measure(positions);
    const due = [...this.#pending].filter(([p, end]) => isReached(positions.get(p) ?? null, end));
    if (due.length === 0) return;
    const partitions = await log.partitions(fold.topic);
    const open = await OpenAlerts.begin({ database, log });
    // Most of it is read before anything is locked.
    await open.advance(signal);
    for (const [partition] of due) {
      const isOwn = (key: string): boolean => partitionOf(key, partitions) === partition;
      const ended = await database.transaction(async (tx) => await this.#judge(tx, partition, open, isOwn, signal));
      if (ended === null) continue;
      this.#pending.delete(partition);
      effects.committed(ended);
      if (ended.length > 0) observer.superseded(fold.name, ended.length);
    }
  }

  /** A checkpoint beyond the end is of another topic than this one: the consumer says so, nothing is judged. */
  async #measure(positions: ReadonlyMap<number, Position>): Promise<void> {
    if (this.#isBegun && ![...this.#pending.values()].includes(undefined)) return;
    const ends = await this.#options.log.ends(this.#options.fold.topic);
    // A log may give nobody a partition that is empty: at the beginning it is judged by whoever comes.
    for (const { partition, last } of ends)
      if (!this.#isBegun && last === null) this.#pending.set(partition, undefined);
    this.#isBegun = true;
    for (const [partition, known] of this.#pending) {
      const end = ends.find((one) => one.partition === partition)?.last;
      if (known !== undefined || end === undefined) continue;
      const position = positions.get(partition);
      if (position !== undefined && isAfter(position, end)) this.#pending.delete(partition);
      else this.#pending.set(partition, end);
    }
  }

  /** @returns alerts that are ended; `null` when the partition is not where it was thought to be */
  async #judge(
    tx: Sql,
    partition: number,
    open: OpenAlerts,
    isOwn: (key: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly AlertResolved[] | null> {
    const { effects } = this.#options;
    if (!isReached(await lockCheckpoint(tx, this.#installed, partition), this.#pending.get(partition))) return null;
    const decided = await outboxEvents(tx, RATE_LIMIT_ALERTS.name);
    await open.advance(signal);
    const ended = await this.#unknown(tx, open, decided, isOwn);
    const anew = await this.#over(tx, open, isOwn);
    const parts = [...stateParts(this.#schema, anew), ...outboxParts(effects.outbox(ended))];
    if (anew.size > 0) this.#isChanged = true;
    await runParts(tx, parts);
    return ended;
  }

  /** Ends of alerts that the topic has open and that no state knows. */
  async #unknown(
    tx: Sql,
    open: OpenAlerts,
    decided: ReadonlySet<string>,
    isOwn: (key: string) => boolean,
  ): Promise<AlertResolved[]> {
    const own = [...open.all()].filter(
      (alert) => isOwn(bucketKey(alert)) && !decided.has(alertEventId('AlertResolved', alert.alertId)),
    );
    const states = await this.#states(tx, own.map(bucketKey));
    return own.flatMap((alert) => {
      const state = states.get(bucketKey(alert));
      if (state?.open?.alertId === alert.alertId) return [];
      return [supersede(alert, state, this.#options.rules)];
    });
  }

  /** States whose open alert is over on the topic, as they go on. */
  async #over(tx: Sql, open: OpenAlerts, isOwn: (key: string) => boolean): Promise<ReadonlyMap<string, AlertingState>> {
    const found = await statesWhere(tx, this.#schema, `state->'open' <> 'null'::jsonb`);
    const own = new Map([...(found as ReadonlyMap<string, AlertingState>)].filter(([key]) => isOwn(key)));
    const alerts = new Map(
      [...own].map(([key, { open: alert }]) => [key, required(alert, 'it was asked for').alertId]),
    );
    const anew = new Map<string, AlertingState>();
    for (const key of await open.over(tx, alerts)) {
      const state = own.get(key);
      if (state !== undefined) anew.set(key, withoutAlert(state));
    }
    return anew;
  }

  async #states(tx: Sql, keys: readonly string[]): Promise<ReadonlyMap<string, AlertingState>> {
    const states = await loadStates(tx, this.#schema, [...new Set(keys)]);
    return states as ReadonlyMap<string, AlertingState>;
  }
}

const isReached = (position: Position | null, end: End): boolean =>
  end !== undefined && (end === null || hasReached(position, end));
