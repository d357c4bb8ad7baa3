/**
 * What the rollups cost the others: how old observations are when history has them, and alerts when their table has
 * them, with all processors in one process at a fixed rate of polls, with role rollups and without, by turns:
 * `npm run bench:rollups-cost -- [--rounds N] [--polls N] [--rate POLLS_PER_SECOND]`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FOLD_RUNNERS } from '../src/app/foldRoles.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../src/codec/topics.ts';
import type { ConsumeObserver } from '../src/consume/observer.ts';
import { silentObserver } from '../src/consume/observer.ts';
import { OutboxBell } from '../src/consume/outboxBell.ts';
import { relay } from '../src/consume/relay.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import { FOLDS } from '../src/topology/folds.ts';
import { install, median, onServer, option, pollAt } from './common.ts';
import type { Installed } from './common.ts';

const rounds = option('rounds', 9);
const polls = option('polls', 300);
const rate = option('rate', 10);
const WARM_UP = Math.min(30, Math.floor(polls / 4));
const LIMIT = 1.1;

/** When the n-th message of a topic was committed by the processor that makes tables of it. */
class Commits {
  readonly at: number[] = [];

  add(messages: number): void {
    for (let i = 0; i < messages; i += 1) this.at.push(performance.now());
  }

  async reach(messages: number): Promise<void> {
    while (this.at.length < messages) await delay(5);
  }
}

/** Poll `n`: one bucket goes through the threshold and back, so that each poll raises or resolves one alert. */
const toggling = (n: number) =>
  pollAt(n).map((event, i) => ({
    ...event,
    availableTokens: i === 0 && n % 2 === 0 ? 500 : 12_000 + ((n * 37) % 900),
  }));

interface Ages {
  readonly history: number[];
  readonly alerts: number[];
}

/** @returns milliseconds from the send of each poll to its last row of history, and to its row of alerts */
async function measure({ database, log }: Installed, withRollups: boolean): Promise<Ages> {
  const stop = new AbortController();
  const { signal } = stop;
  const commits: Readonly<Record<string, Commits>> = { states: new Commits(), alerts: new Commits() };
  const observer: ConsumeObserver = {
    ...silentObserver,
    committed: (fold, messages) => commits[fold]?.add(messages),
  };
  const bell = new OutboxBell();
  const context = { database, log, rules: DEFAULT_RULES, observer, bell };
  const names = FOLDS.map(({ name }) => name as keyof typeof FOLD_RUNNERS);
  const running = [
    ...names
      .filter((name) => withRollups || name !== 'rollups')
      .map(async (name) => await FOLD_RUNNERS[name](context, signal)),
    relay({ database, log, topic: RATE_LIMIT_ALERTS.name, observer, bell }, signal),
  ];
  const producer = await log.producer(POLICY_STATES.name, { name: 'bench', access: 'exclusive', signal });
  const sent: number[] = [];
  const start = performance.now() + 200;
  let size = 0;
  for (let n = 0; n < polls; n += 1) {
    const poll = toggling(n);
    size = poll.length;
    const messages = poll.map((event, i) => ({
      ...POLICY_STATES.encode(event),
      sequenceId: event.responseTime * 2048 + i,
    }));
    // On its time, however late the poll before was: a slow system gets no fewer.
    await delay(Math.max(0, start + (n * 1000) / rate - performance.now()));
    sent.push(performance.now());
    await producer.send(messages);
  }
  await Promise.all([commits['states']?.reach(polls * size), commits['alerts']?.reach(polls)]);
  await producer.close();
  stop.abort();
  await Promise.all(running);
  const ages = (fold: string, each: number): number[] =>
    sent.map((at, n) => (commits[fold]?.at[(n + 1) * each - 1] ?? NaN) - at).slice(WARM_UP);
  return { history: ages('states', size), alerts: ages('alerts', 1) };
}

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? NaN;

await onServer(async (createDatabase) => {
  const runs: { with: Ages; without: Ages }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const ages = new Map<boolean, Ages>();
    // Each is the first as often as the other.
    for (const withRollups of round % 2 === 0 ? [false, true] : [true, false]) {
      const installed = await install(await createDatabase(`round_${round}_${withRollups ? 'with' : 'without'}`));
      ages.set(withRollups, await measure(installed, withRollups));
      await installed.close();
    }
    const [one, other] = [ages.get(true), ages.get(false)];
    if (one !== undefined && other !== undefined) runs.push({ with: one, without: other });
  }
  console.log(
    `${rounds} rounds of ${polls} polls of 29 policies, ${rate} polls a second, all processors in one process`,
  );
  for (const what of ['history', 'alerts'] as const) {
    for (const [name, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
    ] as const) {
      const of = (ages: Ages): number => percentile(ages[what], share);
      const ratios = runs.map((run) => of(run.with) / of(run.without));
      const shown = (which: 'with' | 'without'): string => median(runs.map((run) => of(run[which]))).toFixed(1);
      console.log(
        `${what.padEnd(8)} ${name}   without ${shown('without')} ms   with rollups ${shown('with')} ms   ` +
          `median of ratios ${median(ratios).toFixed(3)}   (limit ${LIMIT})`,
      );
    }
  }
});
process.exit();
