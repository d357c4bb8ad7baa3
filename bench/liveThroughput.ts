/**
 * Observations per second of the live path on Pulsar (every batch committed with its checkpoint, exactly once), beside
 * bare batchReceive of the same topic and bare COPY of the same rows in the same run:
 * `npm run bench:live-throughput -- [--observations N]`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { POLICY_STATES } from '../src/codec/topics.ts';
import { isCaughtUp } from '../src/consume/progress.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import { FOLD_RUNNERS } from '../src/app/foldRoles.ts';
import { FOLDS } from '../src/topology/folds.ts';
import { silentObserver } from '../src/consume/observer.ts';
import { bareReceive } from './bareReceive.ts';
import { install, onServer, option, pollAt } from './common.ts';
import { copyLimit, makePartitions } from './copyLimit.ts';
import { installOnPulsar, onBroker } from './pulsar.ts';
import type { OnPulsar } from './pulsar.ts';

const polls = Math.ceil(option('observations', 300_000) / 29);
const observations = polls * 29;
const POLLS_PER_SEND = 100;

async function publish({ log }: OnPulsar): Promise<number> {
  const { signal } = new AbortController();
  const producer = await log.producer(POLICY_STATES.name, { name: 'bench', access: 'exclusive', signal });
  const start = performance.now();
  for (let n = 0; n < polls; n += POLLS_PER_SEND) {
    const some = Array.from({ length: Math.min(POLLS_PER_SEND, polls - n) }, (_, i) => pollAt(n + i));
    await producer.send(
      some.flatMap((poll) =>
        poll.map((event, i) => ({ ...POLICY_STATES.encode(event), sequenceId: event.responseTime * 2048 + i })),
      ),
    );
  }
  const seconds = (performance.now() - start) / 1000;
  await producer.close();
  return observations / seconds;
}

/** Observations per second of one fold, from a full topic to the last commit. */
async function live({ database, log }: OnPulsar, fold: 'states' | 'alerting'): Promise<number> {
  const stop = new AbortController();
  const context = { database, log, rules: DEFAULT_RULES, observer: silentObserver };
  const start = performance.now();
  const running = FOLD_RUNNERS[fold](context, stop.signal);
  const folded = {
    name: fold,
    revision: FOLDS.find(({ name }) => name === fold)?.revision ?? 1,
    topic: POLICY_STATES.name,
  };
  while (!(await isCaughtUp(database, log, folded))) await delay(20);
  const seconds = (performance.now() - start) / 1000;
  stop.abort();
  await running;
  return observations / seconds;
}

const shown = (n: number): string => Math.round(n).toLocaleString('en').padStart(9);
const share = (n: number, of: number): string => `${((n / of) * 100).toFixed(1)}%`;

await onServer(async (createDatabase) => {
  const copyInto = await install(await createDatabase('copy_limit'));
  const copy = await copyLimit(copyInto, polls);
  await copyInto.close();
  await onBroker(async (settings) => {
    const installed = await installOnPulsar(await createDatabase('live'), settings);
    try {
      await makePartitions(installed, polls);
      const published = await publish(installed);
      const bare = await bareReceive(settings, observations);
      const states = await live(installed, 'states');
      const alerting = await live(installed, 'alerting');
      console.log(`${observations.toLocaleString('en')} observations, 4 partitions`);
      console.log(`publish, unbatched         ${shown(published)}/s`);
      console.log(`bare batchReceive          ${shown(bare)}/s`);
      console.log(`bare COPY into history     ${shown(copy)}/s`);
      const shares = (rate: number): string => `${share(rate, bare)} of batchReceive, ${share(rate, copy)} of COPY`;
      console.log(`live path, states          ${shown(states)}/s   ${shares(states)}`);
      console.log(`live path, alerting        ${shown(alerting)}/s   ${shares(alerting)}`);
    } finally {
      await installed.close();
    }
  });
});
process.exit();
