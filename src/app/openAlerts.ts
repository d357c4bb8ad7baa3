/** Which alerts stand open on the alert topic, told by the alerts read model and by what its topic has after it. */
import { alertsProjection, isOver, unended } from '../../projections/alerts/fold.ts';
import type { AlertsState } from '../../projections/alerts/fold.ts';
import { PoisonMessageError } from '../codec/errors.ts';
import { RATE_LIMIT_ALERTS } from '../codec/topics.ts';
import type { AlertEvent, AlertRaised } from '../domain/events.ts';
import { bucketKey } from '../domain/events.ts';
import { PositionLostError } from '../log/eventLog.ts';
import type { EventLog, LogMessage, Position } from '../log/eventLog.ts';
import { logSource } from '../rebuild/logSource.ts';
import { readCheckpoints } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { loadStates, statesWhere } from '../store/foldStates.ts';
import { schemaOf } from '../store/schemas.ts';
import { listVersions } from '../store/versions.ts';

interface Stores {
  readonly database: Database;
  readonly log: EventLog;
}

/** States of the alerts fold that have an alert whose end the topic has not told. */
const WITH_ALERTS = `state->'open' <> 'null'::jsonb or state ? 'superseded'`;

/** The read model has the topic up to its checkpoint; what comes after is folded here, as it will be there. */
export class OpenAlerts {
  readonly #where: Stores;
  /** `null`: no version is in service. */
  readonly #schema: string | null;
  readonly #states: Map<string, AlertsState>;
  #positions: Map<number, Position>;

  private constructor(
    where: Stores,
    schema: string | null,
    states: ReadonlyMap<string, unknown>,
    positions: Map<number, Position>,
  ) {
    this.#where = where;
    this.#schema = schema;
    this.#states = states as Map<string, AlertsState>;
    this.#positions = positions;
  }

  static async begin(where: Stores): Promise<OpenAlerts> {
    return await where.database.transaction(async (tx) => {
      // States and checkpoint of one moment.
      await tx.execute('set transaction isolation level repeatable read read only');
      const served = (await listVersions(tx, alertsProjection.name)).find((version) => version.served);
      if (served === undefined) return new OpenAlerts(where, null, new Map(), new Map());
      const schema = schemaOf(served);
      const states = await statesWhere(tx, schema, WITH_ALERTS);
      return new OpenAlerts(where, schema, states, await readCheckpoints(tx, served));
    });
  }

  /** Reads on to where the topic ends now. */
  async advance(signal: AbortSignal): Promise<void> {
    const source = logSource(this.#where.log, 'the alert topic');
    const read = async (): Promise<void> => {
      const range = { topic: RATE_LIMIT_ALERTS.name, after: this.#positions, signal };
      for await (const messages of source.read(range)) await this.#fold(messages);
    };
    try {
      await read();
    } catch (error) {
      if (!(error instanceof PositionLostError)) throw error;
      // The topic was made anew: all of it is after what the read model has.
      this.#positions = new Map();
      await read();
    }
  }

  /** All alerts whose end the topic has not told. */
  *all(): Generator<AlertRaised> {
    for (const state of this.#states.values()) yield* unended(state);
  }

  /** Those of the alerts given, by key, that the topic has told of from beginning to end. */
  async over(sql: Sql, alerts: ReadonlyMap<string, string>): Promise<string[]> {
    await this.#load([...alerts.keys()], sql);
    return [...alerts].flatMap(([key, alertId]) => {
      const state = this.#states.get(key);
      return state !== undefined && isOver(state, alertId) ? [key] : [];
    });
  }

  async #fold(messages: readonly LogMessage[]): Promise<void> {
    const events = messages.flatMap(decodable);
    await this.#load(events.map(bucketKey), this.#where.database);
    for (const event of events) {
      const key = bucketKey(event);
      const { state } = alertsProjection.apply(this.#states.get(key), event);
      if (state !== undefined) this.#states.set(key, state);
    }
    const positions = new Map(this.#positions);
    for (const { partition, position } of messages) positions.set(partition, position);
    this.#positions = positions;
  }

  /** What the read model knows of other buckets, which may be more by now: what comes again does nothing. */
  async #load(keys: readonly string[], sql: Sql): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => !this.#states.has(key));
    if (missing.length === 0 || this.#schema === null) return;
    for (const [key, state] of await loadStates(sql, this.#schema, missing))
      this.#states.set(key, state as AlertsState);
  }
}

/** What can't be decoded, the projection sets aside. */
function decodable(message: LogMessage): AlertEvent[] {
  try {
    const event = RATE_LIMIT_ALERTS.decode(message);
    return event === null ? [] : [event];
  } catch (error) {
    if (error instanceof PoisonMessageError) return [];
    throw error;
  }
}
