/**
 * The time of one poll's processing (publish, receive, fold, commit; states and alerting) with an empty history and
 * with millions of rows, measured in turn on two databases of one server: `npm run bench:poll-cost -- [--rows N]`.
 */
import { alertingReactor } from '../projections/alerting/fold.ts';
import { statesProjection } from '../projections/states/fold.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../src/codec/topics.ts';
import { projectionEffects, reactorEffects } from '../src/consume/effects.ts';
import { Processor } from '../src/consume/processor.ts';
import { addMonths, monthOf, monthsBetween } from '../src/domain/months.ts';
import type { Consumer, LogMessage, Producer } from '../src/log/eventLog.ts';
import { silentObserver } from '../src/consume/observer.ts';
import { createPartition } from '../src/store/partitions.ts';
import { firstVersionOf, schemaOf } from '../src/store/schemas.ts';
import { INTERVAL_MS, install, median, onServer, option, pollAt, START } from './common.ts';
import type { Installed } from './common.ts';

const rows = option('rows', 5_000_000);
const polls = option('polls', 400);
const WARM_UP = 50;
const LIMIT = 1.2;
const SCHEMA = schemaOf(firstVersionOf(statesProjection));
const signal = new AbortController().signal;

interface Pipeline {
  readonly producer: Producer;
  readonly consumers: readonly {
    readonly consumer: Consumer;
    readonly process: (batch: Batch) => Promise<unknown>;
  }[];
}

type Batch = readonly LogMessage[];

async function pipeline({ database, log }: Installed): Promise<Pipeline> {
  const shared = {
    database,
    decode: POLICY_STATES.decode,
    observer: silentObserver,
  };
  const reactor = alertingReactor();
  const states = new Processor({
    ...shared,
    fold: statesProjection,
    effects: projectionEffects(database, statesProjection),
  });
  const alerting = new Processor({ ...shared, fold: reactor, effects: reactorEffects(RATE_LIMIT_ALERTS) });
  const open = async (name: string, processor: Pick<typeof states, 'resume' | 'process'>) => {
    const consumer = await log.consumer(POLICY_STATES.name, {
      subscription: { name, resume: async (partition) => await processor.resume(partition) },
    });
    return { consumer, process: async (batch: Batch) => await processor.process(batch) };
  };
  return {
    producer: await log.producer(POLICY_STATES.name, { name: 'bench', access: 'exclusive', signal }),
    consumers: [await open('states', states), await open('alerting', alerting)],
  };
}

/** Milliseconds of one poll from publishing to both commits. */
async function processPoll({ producer, consumers }: Pipeline, n: number, start: number): Promise<number> {
  const began = performance.now();
  const events = pollAt(n, start);
  await producer.send(
    events.map((event, i) => ({ ...POLICY_STATES.encode(event), sequenceId: event.responseTime * 2048 + i })),
  );
  for (const { consumer, process } of consumers) {
    let seen = 0;
    while (seen < events.length) {
      const batch = await consumer.receive({ max: 1_000, waitMs: 1_000, signal });
      await process(batch);
      seen += batch.length;
    }
  }
  return performance.now() - began;
}

/** Fills history with observations of the 13 months before the measured polls. */
async function fill({ database }: Installed): Promise<void> {
  const months = monthsBetween(addMonths(START, -12), START).slice(0, 12);
  for (const month of months) {
    await database.transaction(async (tx) => await createPartition(tx, { schema: SCHEMA, table: 'history' }, month));
    const perPolicy = Math.ceil(rows / months.length / 29);
    await database.execute(
      `insert into "${SCHEMA}".history
       select '12345678', 'POLICY_' || lpad(p::text, 2, '0'),
         $1::timestamptz + n * ($2::timestamptz - $1::timestamptz) / $3::integer,
         gen_random_uuid(), 9000, 18000, 600, 60, 'G', 50, 1.5, 100, 200, false, 20, 900, null, null, 0,
         $1::timestamptz, null, gen_random_uuid()
       from generate_series(0, 28) p, generate_series(0, $3::integer - 1) n`,
      [new Date(month).toISOString(), new Date(addMonths(month, 1)).toISOString(), perPolicy],
    );
  }
  await database.execute('vacuum analyze');
  await database.execute('checkpoint');
}

await onServer(async (createDatabase) => {
  const empty = await install(await createDatabase('empty'));
  const full = await install(await createDatabase('filled'));
  for (const { database } of [empty, full]) {
    const month = monthOf(START);
    await database.transaction(async (tx) => await createPartition(tx, { schema: SCHEMA, table: 'history' }, month));
  }
  await fill(full);
  const [count] = await full.database.query<{ n: number }>(`select count(*) as n from "${SCHEMA}".history`);
  const pipelines = [await pipeline(empty), await pipeline(full)] as const;
  const times: [number[], number[]] = [[], []];
  for (let n = 0; n < WARM_UP + polls; n += 1) {
    for (const which of n % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const ms = await processPoll(pipelines[which], n, START);
      if (n >= WARM_UP) times[which].push(ms);
    }
  }
  await empty.close();
  await full.close();
  const [without, withRows] = [median(times[0]), median(times[1])];
  const ratio = withRows / without;
  console.log(
    `one poll of 29 policies, median of ${polls}, in turn; a month has room for ${Math.floor(2_678_400_000 / INTERVAL_MS)} polls`,
  );
  console.log(`history empty              ${without.toFixed(2)} ms`);
  console.log(`history ${(count?.n ?? 0).toLocaleString('en').padStart(12)} rows  ${withRows.toFixed(2)} ms`);
  console.log(`ratio ${ratio.toFixed(3)}, limit ${LIMIT}: ${ratio <= LIMIT ? 'held' : 'EXCEEDED'}`);
  if (ratio > LIMIT) process.exitCode = 1;
});
