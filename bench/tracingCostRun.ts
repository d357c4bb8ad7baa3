/** One run of tracingCost.ts, on the built program of a checkout: `node tracingCostRun.js DIST DATABASE_URL POLLS`. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type * as FoldRoles from '../src/app/foldRoles.ts';
import type * as TraceExport from '../src/app/traceExport.ts';
import type * as Topics from '../src/codec/topics.ts';
import type * as Observer from '../src/consume/observer.ts';
import type * as Progress from '../src/consume/progress.ts';
import type * as Thresholds from '../src/domain/thresholds.ts';
import type * as EmbeddedLogs from '../src/log/embedded/embeddedLog.ts';
import type * as BridgePoll from '../src/poll/bridgePoll.ts';
import type * as Publish from '../src/poll/publish.ts';
import type * as Databases from '../src/store/database.ts';
import type * as Folds from '../src/topology/folds.ts';
import { pollAt } from './common.ts';

interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface Measured extends Readonly<Record<'publish' | 'states' | 'alerting', Cost>> {
  readonly observations: number;
}

const [, , dist = '', url = '', count = ''] = process.argv;
const polls = Number(count);
const signal = new AbortController().signal;

/** A module of the checkout that is measured. */
const load = async <M>(path: string): Promise<M> => (await import(join(dist, 'src', path))) as M;

const { FOLD_RUNNERS } = await load<typeof FoldRoles>('app/foldRoles.js');
const { POLICY_STATES } = await load<typeof Topics>('codec/topics.js');
const { silentObserver: observer } = await load<typeof Observer>('consume/observer.js');
const { isCaughtUp } = await load<typeof Progress>('consume/progress.js');
const { DEFAULT_RULES: rules } = await load<typeof Thresholds>('domain/thresholds.js');
const { EmbeddedLog } = await load<typeof EmbeddedLogs>('log/embedded/embeddedLog.js');
const { startPoll } = await load<typeof BridgePoll>('poll/bridgePoll.js');
const { createPublisher } = await load<typeof Publish>('poll/publish.js');
const { openDatabase } = await load<typeof Databases>('store/database.js');
const { FOLDS } = await load<typeof Folds>('topology/folds.js');

async function measured(work: () => Promise<void>): Promise<Cost> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

const isTraced = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] !== undefined;
const traces = isTraced
  ? await (
      await load<typeof TraceExport>('app/traceExport.js')
    ).startTraceExport(process.env, { version: '0', onLost: (reason) => console.error(reason) })
  : null;

const database = openDatabase({ url });
const log = new EmbeddedLog(database);
const events = Array.from({ length: polls }, (_, n) => pollAt(n));

const publish = await measured(async () => {
  const clock = { now: () => Date.now(), sleep: async () => Promise.resolve() };
  const deps = { topic: POLICY_STATES, clock, log, report: () => undefined };
  const producer = await log.producer(POLICY_STATES.name, { name: 'bench', access: 'exclusive', signal });
  const publisher = createPublisher(deps, producer);
  for (const [first, ...others] of events)
    if (first !== undefined)
      await publisher.publish(startPoll(first.participant, first.responseTime), [first, ...others], signal);
  await producer.close();
});

/** From a full topic to the last commit. */
const live = async (name: 'states' | 'alerting'): Promise<Cost> =>
  await measured(async () => {
    const stop = new AbortController();
    const running = FOLD_RUNNERS[name]({ database, log, rules, observer, lingerMs: 0 }, stop.signal);
    const revision = FOLDS.find((fold) => fold.name === name)?.revision ?? 1;
    const folded = { name, revision, topic: POLICY_STATES.name };
    while (!(await isCaughtUp(database, log, folded))) await delay(20);
    stop.abort();
    await running;
  });

const states = await live('states');
const alerting = await live('alerting');
await traces?.stop();
await log.close();
await database.close();
const result: Measured = { observations: polls * 29, publish, states, alerting };
console.log(JSON.stringify(result));
process.exit();
