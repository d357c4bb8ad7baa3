/**
 * One simulated participant, watched as the poller looks by default, whose systems report their calls with trouble; and
 * others who call DICT for it and report nothing. What comes of it goes through the real folds into the real tables.
 */
import { outcomesProjection } from '../projections/outcomes/fold.ts';
import type { OutcomesState } from '../projections/outcomes/fold.ts';
import { statesProjection } from '../projections/states/fold.ts';
import { foldBatch } from '../src/consume/foldBatch.ts';
import type { Fold, Projection, RowChange } from '../src/domain/fold.ts';
import type { EpochMs, PolicyStateObserved } from '../src/domain/events.ts';
import type { RequestOutcomesObserved } from '../src/domain/outcomes.ts';
import { monthsBetween } from '../src/domain/months.ts';
import { HOUR_MS, MINUTE_MS } from '../src/domain/time.ts';
import { Deliveries } from '../src/simulator/deliveries.ts';
import type { Troubles } from '../src/simulator/deliveries.ts';
import type { DemandRow } from '../src/simulator/demand.ts';
import { poisson } from '../src/simulator/draws.ts';
import { SimulatedReports } from '../src/simulator/outcomes.ts';
import { SIMULATED_PARTICIPANT } from '../src/simulator/participant.ts';
import { POLICIES, sizeOf } from '../src/simulator/policies.ts';
import { hash, hashText } from '../src/simulator/random.ts';
import { refillPerSecond } from '../src/simulator/surges.ts';
import type { RefillMode } from '../src/simulator/tokenBucket.ts';
import { INVENTED_WORLD } from '../src/simulator/traffics.ts';
import type { Answered } from '../src/simulator/world.ts';
import type { Database } from '../src/store/database.ts';
import { createPartition } from '../src/store/partitions.ts';
import { writeRows } from '../src/store/rows.ts';
import { firstVersionOf, schemaOf } from '../src/store/schemas.ts';
import { CallsTruth } from './callsTruth.ts';
import { attentive, Watched } from './watchedWorld.ts';
import type { CallSchedule } from './watchedWorld.ts';

export interface CallsRunOptions {
  readonly database: Database;
  readonly seed: number;
  readonly refill: RefillMode;
  readonly startAt: EpochMs;
  readonly endAt: EpochMs;
  readonly windowMs: number;
  /** What others ask for, by policy, as a share of the refill; and since when. */
  readonly others: ReadonlyMap<string, number>;
  readonly othersFrom: EpochMs;
  readonly clocksOffMs: number;
  readonly troubles: Troubles;
  /** As the poller looks, unless it is given. */
  readonly schedule?: CallSchedule;
}

/** Whoever calls for others: a second of them, each call by itself. */
function othersAt({ others, othersFrom, seed }: CallsRunOptions, second: number): DemandRow[] {
  if (second * 1000 < othersFrom) return [];
  const rows: DemandRow[] = [];
  for (const [policy, share] of others) {
    const spec = POLICIES.find(({ name }) => name === policy);
    if (spec === undefined) throw new Error(`DICT lists no policy ${policy}`);
    const mean = share * refillPerSecond(sizeOf(spec, INVENTED_WORLD.category));
    const charge = poisson(mean, hash(hash(seed, hashText(`others ${policy}`)), second), 0);
    if (charge > 0) rows.push({ second, policy, charge, credit: 0, by: 'others' });
  }
  return rows;
}

export class CallsRun {
  readonly truth: CallsTruth;
  readonly #options: CallsRunOptions;
  readonly #watched: Watched;
  readonly #reports: SimulatedReports;
  readonly #deliveries: Deliveries;
  readonly #states: Tables<PolicyStateObserved, unknown>;
  readonly #outcomes: Tables<RequestOutcomesObserved, OutcomesState>;
  #observed: PolicyStateObserved[] = [];
  #told: RequestOutcomesObserved[] = [];

  constructor(options: CallsRunOptions) {
    const { database, seed, refill, startAt, endAt, windowMs, clocksOffMs, troubles } = options;
    this.#options = options;
    this.truth = new CallsTruth(startAt, endAt, troubles.stops);
    this.#reports = new SimulatedReports({ participant: SIMULATED_PARTICIPANT, seed, windowMs, clocksOffMs });
    this.#deliveries = new Deliveries(seed, troubles);
    const { truth } = this;
    const world = {
      ...{ ...INVENTED_WORLD, seed, startAt, refill },
      onAnswered: (answered: Answered): void => {
        truth.answered(answered);
        this.#reports.take(answered);
      },
    };
    this.#watched = new Watched(world, options.schedule ?? attentive(startAt), (observations) => {
      if (observations !== null) this.#observed.push(...observations);
    });
    this.#states = new Tables(database, statesProjection, ['history']);
    this.#outcomes = new Tables(database, outcomesProjection, ['outcome_windows', 'outcome_hours', 'outcome_sources']);
  }

  async begin(): Promise<void> {
    const { startAt, endAt } = this.#options;
    // An answer's time may precede its balances, and a clock the world's.
    await this.#states.makeMonths(startAt - HOUR_MS, endAt);
    await this.#outcomes.makeMonths(startAt - HOUR_MS, endAt);
  }

  /** A minute of demand, and of others'. */
  take(minute: EpochMs, rows: readonly DemandRow[]): void {
    const others = this.#options.others.size === 0 ? [] : this.#othersOf(minute);
    const all = others.length === 0 ? rows : [...rows, ...others].sort((a, b) => a.second - b.second);
    for (const row of all) this.#watched.take(row);
    const until = minute + MINUTE_MS;
    this.#watched.callUntil(until);
    const over = this.#reports.until(until);
    this.truth.told(over);
    this.#deliveries.take(over);
    this.#deliver(until);
  }

  /** Puts into the tables what has come. */
  async write(): Promise<void> {
    await this.#states.fold(this.#observed.splice(0));
    await this.#outcomes.fold(this.#told.splice(0));
  }

  /** What comes late comes, too. */
  async finish(): Promise<void> {
    const { endAt, clocksOffMs } = this.#options;
    const over = this.#reports.until(endAt + clocksOffMs);
    this.truth.told(over);
    this.#deliveries.take(over);
    this.#deliver(Infinity);
    await this.write();
  }

  #deliver(at: EpochMs): void {
    for (const window of this.#deliveries.until(at)) {
      this.#told.push(window);
      this.truth.marked(window, at);
    }
  }

  #othersOf(minute: EpochMs): DemandRow[] {
    const first = minute / 1000;
    return Array.from({ length: 60 }, (_, i) => othersAt(this.#options, first + i)).flat();
  }
}

/** One read model, folded in memory, whose rows go where they belong. */
class Tables<E, S> {
  readonly #database: Database;
  readonly #projection: Projection<E, S>;
  readonly #fold: Fold<E, S, RowChange>;
  readonly #kept: readonly string[];
  readonly #schema: string;
  readonly #states = new Map<string, S>();

  constructor(database: Database, projection: unknown, kept: readonly string[]) {
    this.#database = database;
    // Projections differ in the names of their tables, which are asked for as texts here.
    this.#projection = projection as Projection<E, S>;
    this.#fold = this.#projection;
    this.#kept = kept;
    this.#schema = schemaOf(firstVersionOf(this.#projection));
  }

  async makeMonths(from: EpochMs, to: EpochMs): Promise<void> {
    for (const [table, spec] of Object.entries(this.#projection.tables)) {
      if (spec.partitionedBy === undefined || !this.#kept.includes(table)) continue;
      const place = { schema: this.#schema, table: spec.table };
      for (const month of monthsBetween(from, to))
        await this.#database.transaction(async (tx) => await createPartition(tx, place, month));
    }
  }

  async fold(events: readonly E[]): Promise<void> {
    if (events.length === 0) return;
    const { changed, out } = foldBatch(this.#fold, this.#states, events);
    for (const [key, state] of changed) this.#states.set(key, state);
    const rows = out.filter(({ table }) => this.#kept.includes(table));
    await this.#database.transaction(async (tx) => await writeRows(tx, this.#schema, this.#projection.tables, rows));
  }
}
