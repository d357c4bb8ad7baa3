/**
 * What `balde verify` finds among a million rows of history, and what it costs beside a plain read of the same rows in
 * the same run: `npm run bench:verify -- [--rows N] [--draws N] [--seed N]`.
 *
 * One fault at a time is put into the version in service and taken out again; the command, in a process of its own,
 * has to name its month, bucket and row. A fault that is not found, or is named wrongly, ends the run with 1.
 */
import type { EpochMs } from '../src/domain/events.ts';
import { monthName, monthOf } from '../src/domain/months.ts';
import { hash } from '../src/simulator/random.ts';
import type { Database, Sql } from '../src/store/database.ts';
import { balde } from './command.ts';
import type { Ran } from './command.ts';
import { install, INTERVAL_MS, median, onServer, option, pollAt, pollsUntil } from './common.ts';
import { fillEmbedded } from './fillLogs.ts';

// Two at least: rows are exchanged.
const polls = Math.max(2, Math.ceil(option('rows', 1_000_000) / pollAt(0).length));
const rows = polls * pollAt(0).length;
const draws = option('draws', 1);
const seed = option('seed', 20_250_101);
const READS = 3;

/** What verify says with `--json`, as far as it is looked at here. */
interface Report {
  readonly rows_equal: number | null;
  readonly differences: readonly Difference[];
  readonly not_compared: readonly string[];
  readonly seals_intact: number;
  readonly seals_made: number;
  readonly altered: readonly (Named & { readonly rows: number; readonly now: { rows: number } | null })[];
}

interface Named {
  /** `null` in tables that hold what is true now. */
  readonly month: string | null;
  readonly participant: string;
  readonly endpoint_id: string;
}

interface Difference extends Named {
  readonly table: string;
  readonly rows: readonly [number, number];
  readonly first: {
    readonly key: { readonly response_time: string };
    readonly left: Values | null;
    readonly right: Values | null;
  } | null;
}

type Values = Readonly<Record<string, unknown>>;

async function build(url: string, version: number, args: readonly string[]): Promise<void> {
  const { report } = await balde<{ version: number; events: number }>(url, ['rebuild', 'states', ...args]);
  if (report.version !== version || report.events !== rows)
    throw new Error(`version ${report.version} of ${report.events} events, not ${version} of ${rows}`);
}

const SERVED = 'states_v2.history';
const compare = async (url: string) => await balde<Report>(url, ['verify', 'states', '--against', '3']);
const sealsOnly = async (url: string) => await balde<Report>(url, ['verify', 'states', '--seals-only']);

/** Two rows of one bucket and month, chosen at random. */
interface Place {
  readonly participant: string;
  readonly policy: string;
  readonly at: EpochMs;
  /** Another row's time. */
  readonly other: EpochMs;
}

/** Numbers below `below`, the same from the same seed. */
let drawn = 0;
const random = (below: number): number => hash(seed, drawn++) % below;

function randomPlace(): Place {
  const poll = pollAt(random(polls));
  const event = poll[random(poll.length)];
  const other = pollAt(random(polls))[0]?.responseTime;
  if (event === undefined || other === undefined) throw new Error('polls are empty');
  const { participant, policy, responseTime: at } = event;
  return other === at || monthOf(other) !== monthOf(at) ? randomPlace() : { participant, policy, at, other };
}

interface Fault {
  readonly what: string;
  /** How many rows more there are. */
  readonly more: number;
  /** What the first difference is to look like; see `kindOf`. */
  readonly kind: RegExp;
  /** The time by which it is to be named. */
  readonly row: (place: Place) => EpochMs;
  readonly make: (edit: Edit, place: Place) => Promise<void>;
}

/** Changes the row at a time; `$4` is another time. */
type Edit = (statement: string, at: EpochMs, to?: EpochMs) => Promise<void>;

const between = ({ at }: Place): EpochMs => at + INTERVAL_MS / 2;
const HERE = 'h.participant = $1 and h.endpoint_id = $2 and h.response_time = $3::timestamptz';
const MOVE = `update ${SERVED} h set response_time = $4::timestamptz where ${HERE}`;

const FAULTS: readonly Fault[] = [
  {
    what: 'altered value',
    more: 0,
    kind: /^available_tokens$/,
    row: ({ at }) => at,
    make: async (edit, { at }) =>
      await edit(`update ${SERVED} h set available_tokens = available_tokens + 1 where ${HERE}`, at),
  },
  {
    what: 'missing row',
    more: -1,
    kind: /^missing$/,
    row: ({ at }) => at,
    make: async (edit, { at }) => await edit(`delete from ${SERVED} h where ${HERE}`, at),
  },
  {
    what: 'extra row',
    more: 1,
    kind: /^extra$/,
    row: between,
    make: async (edit, place) =>
      await edit(
        `insert into ${SERVED}
         select (jsonb_populate_record(h, jsonb_build_object('response_time', $4::timestamptz))).*
         from ${SERVED} h where ${HERE}`,
        place.at,
        between(place),
      ),
  },
  {
    what: 'two rows exchanged',
    more: 0,
    kind: /\bevent_id\b/,
    row: ({ at, other }) => Math.min(at, other),
    make: async (edit, place) => {
      const { at, other } = place;
      await edit(MOVE, at, between(place));
      await edit(MOVE, other, at);
      await edit(MOVE, between(place), other);
    },
  },
  {
    what: 'wrong computed value',
    more: 0,
    kind: /^exhaustion_projection_seconds$/,
    row: ({ at }) => at,
    make: async (edit, { at }) =>
      await edit(
        `update ${SERVED} h set exhaustion_projection_seconds = coalesce(exhaustion_projection_seconds, 0) + 1
         where ${HERE}`,
        at,
      ),
  },
];

const iso = (at: EpochMs): string => new Date(at).toISOString();

const editOn =
  (tx: Sql, { participant, policy }: Place): Edit =>
  async (statement, at, to) => {
    const times = to === undefined ? [iso(at)] : [iso(at), iso(to)];
    const touched = await tx.execute(statement, [participant, policy, ...times]);
    if (touched !== 1) throw new Error(`${touched} rows were touched, not one, by ${statement}`);
  };

/** Puts the fault in; what comes back takes it out. */
async function alter(database: Database, fault: Fault, place: Place): Promise<() => Promise<void>> {
  const bucket = [place.participant, place.policy];
  const times = [place.at, place.other, between(place)].map(iso);
  const touched = `h.participant = $1 and h.endpoint_id = $2 and h.response_time = any($3::timestamptz[])`;
  const kept = await database.query<{ line: string }>(`select h::text as line from ${SERVED} h where ${touched}`, [
    ...bucket,
    times,
  ]);
  await database.transaction(async (tx) => await fault.make(editOn(tx, place), place));
  return async () =>
    await database.transaction(async (tx) => {
      await tx.execute(`delete from ${SERVED} h where ${touched}`, [...bucket, times]);
      await tx.execute(`insert into ${SERVED} select * from unnest($1::${SERVED}[])`, [kept.map(({ line }) => line)]);
    });
}

/** `missing`, `extra`, or the columns whose values differ. */
function kindOf({ first }: Difference): string {
  if (first === null) return 'no row named';
  const { left, right } = first;
  if (left === null || right === null) return left === null ? 'missing' : 'extra';
  return Object.keys(left)
    .filter((column) => JSON.stringify(left[column]) !== JSON.stringify(right[column]))
    .join(',');
}

/** Everything that is not as it should be goes here. */
const wrong: string[] = [];
const expect = (holds: boolean, what: string): boolean => {
  if (!holds) wrong.push(what);
  return holds;
};

const named = ({ month, participant, endpoint_id: policy }: Named): string =>
  `${month ?? 'now'} ${participant}:${policy}`;
const namedBy = ({ participant, policy, at }: Place): string =>
  `${monthName(monthOf(at)).replace('_', '-')} ${participant}:${policy}`;

function isFound(fault: Fault, place: Place, { report, code }: Ran<Report>): boolean {
  const [difference, ...more] = report.differences;
  if (difference === undefined || more.length > 0 || code !== 1 || report.not_compared.length > 0) return false;
  const [served, other] = difference.rows;
  return (
    difference.table === 'history' &&
    named(difference) === namedBy(place) &&
    Date.parse(difference.first?.key.response_time ?? '') === fault.row(place) &&
    fault.kind.test(kindOf(difference)) &&
    served - other === fault.more
  );
}

/** Seals know months and buckets, not rows. */
function isUnsealed(fault: Fault, place: Place, { report, code }: Ran<Report>, sealed: number): boolean {
  const [altered, ...more] = report.altered;
  if (altered === undefined || more.length > 0 || code !== 1) return false;
  return (
    named(altered) === namedBy(place) &&
    (altered.now?.rows ?? 0) - altered.rows === fault.more &&
    report.seals_intact === sealed - 1
  );
}

const line = (...cells: readonly string[]): void =>
  console.log(cells.map((cell, i) => cell.padEnd([22, 50, 7, 9][i] ?? 0)).join(' '));

const said = ({ report, code }: Ran<Report>): string =>
  `it ended with ${code} and said ${JSON.stringify([...report.differences, ...report.altered])}`;

async function findFault(url: string, database: Database, fault: Fault, sealed: number): Promise<void> {
  const place = randomPlace();
  const undo = await alter(database, fault, place);
  const compared = await compare(url);
  const unsealed = await sealsOnly(url);
  await undo();
  const where = `${fault.what} at ${namedBy(place)} ${iso(fault.row(place))}`;
  const found = expect(isFound(fault, place, compared), `comparison, ${where}: ${said(compared)}`);
  const broken = expect(
    isUnsealed(fault, place, unsealed, sealed),
    `seals, ${where}: ${said(unsealed)}, ${unsealed.report.seals_intact} intact of ${sealed}`,
  );
  const [difference] = compared.report.differences;
  const row = difference?.first?.key.response_time.replace('+00:00', '') ?? 'no row';
  const by = difference === undefined ? 'NOT FOUND' : `${found ? '' : 'WRONG: '}${named(difference)} ${row}`;
  line(fault.what, by, broken ? 'yes' : 'NO', compared.seconds.toFixed(1), unsealed.seconds.toFixed(1));
}

interface Costs {
  readonly read: number[];
  readonly compare: number[];
  readonly seals: number[];
}

/** The whole of both versions is to be equal, and all seals intact. @returns how many seals there are */
async function findNothing(url: string, when: string, costs: Costs): Promise<number> {
  const compared = await compare(url);
  const unsealed = await sealsOnly(url);
  const nothing = (ran: Ran<Report>): boolean =>
    ran.code === 0 &&
    [ran.report.differences, ran.report.not_compared, ran.report.altered].every(({ length }) => length === 0);
  const seals = compared.report.seals_made + compared.report.seals_intact;
  expect(
    nothing(compared) && compared.report.rows_equal === rows,
    `comparison ${when}: ${compared.report.rows_equal} rows equal of ${rows}, ${said(compared)}`,
  );
  expect(
    nothing(unsealed) && seals > 0 && unsealed.report.seals_intact === seals,
    `seals ${when}: ${unsealed.report.seals_intact} intact of ${seals}, ${said(unsealed)}`,
  );
  costs.compare.push(compared.seconds);
  costs.seals.push(unsealed.seconds);
  return seals;
}

/** Seconds in which the server alone reads every row of one version and hashes its text. */
async function plainRead(database: Database): Promise<number> {
  const start = performance.now();
  const [read] = await database.query<{ n: number }>(`select count(*) as n, sum(hashtext(h::text)) from ${SERVED} h`);
  if (read?.n !== rows) throw new Error(`${read?.n} rows were read, not ${rows}`);
  return (performance.now() - start) / 1000;
}

function printCosts(costs: Costs): void {
  const limit = median(costs.read);
  const print = (what: string, seconds: number, note = ''): void => {
    const rate = Math.round(rows / seconds).toLocaleString('en');
    console.log(
      `${what.padEnd(34)} ${rate.padStart(10)} rows/s  ${(limit / seconds).toFixed(2)} of the plain read  ${note}`,
    );
  };
  print('plain read of one version', limit);
  print('verify --seals-only', median(costs.seals));
  print('verify --against', median(costs.compare), 'reads two versions, then the seals: three times the rows');
}

await onServer(async (createDatabase) => {
  const url = await createDatabase('verify');
  const installed = await install(url);
  const { database } = installed;
  await fillEmbedded([database], pollsUntil(polls));
  await build(url, 2, []);
  await build(url, 3, ['--no-cut-over']);
  await database.execute('vacuum analyze');
  const costs: Costs = { read: [], compare: [], seals: [] };
  const seals = await findNothing(url, 'of untouched tables', costs);
  console.log(
    `${rows.toLocaleString('en')} rows of history, ${seals} months of buckets sealed, ` +
      `${draws * FAULTS.length} faults, one at a time, seed ${seed}`,
  );
  line('fault', 'found by comparison: month, bucket, row', 'seals', 'compare s', 'seals s');
  for (const fault of FAULTS) for (let n = 0; n < draws; n += 1) await findFault(url, database, fault, seals);
  for (let n = 0; n < READS; n += 1) {
    costs.read.push(await plainRead(database));
    await findNothing(url, 'after all faults were taken out', costs);
  }
  printCosts(costs);
  await installed.close();
});
for (const what of wrong) console.log(`WRONG: ${what}`);
console.log(wrong.length === 0 ? 'every fault was found and named' : `${wrong.length} of verify's answers were wrong`);
process.exit(wrong.length === 0 ? 0 : 1);
