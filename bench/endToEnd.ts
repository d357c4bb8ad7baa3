/**
 * Observations per second from publishing to the tables and the alert topic on the embedded log, beside the rate at
 * which COPY alone takes the same history rows on the same server: `npm run bench:end-to-end -- [--observations N]`.
 */
import { POLICY_STATES } from '../src/codec/topics.ts';
import { whenCaughtUp } from '../src/consume/progress.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import { FOLD_RUNNERS } from '../src/app/foldRoles.ts';
import { FOLDS } from '../src/topology/folds.ts';
import { silentObserver } from '../src/consume/observer.ts';
import { runRelays } from '../src/app/roles.ts';
import { install, onServer, option, pollAt } from './common.ts';
import type { Installed } from './common.ts';
import { copyLimit, makePartitions } from './copyLimit.ts';

const polls = Math.ceil(option('observations', 300_000) / 29);
const POLLS_PER_SEND = 20;

/** Observations per second through log, folds, outbox and relay, publishing included. */
async function endToEnd(installed: Installed, lingerMs: number): Promise<number> {
  await makePartitions(installed, polls);
  const { database, log } = installed;
  const stop = new AbortController();
  const context = { database, log, rules: DEFAULT_RULES, observer: silentObserver, lingerMs };
  const messages = Array.from({ length: polls }, (_, n) =>
    pollAt(n).map((event, i) => ({ ...POLICY_STATES.encode(event), sequenceId: event.responseTime * 2048 + i })),
  );
  const start = performance.now();
  const running = Promise.all([
    ...Object.values(FOLD_RUNNERS).map(async (run) => await run(context, stop.signal)),
    runRelays(installed, silentObserver, stop.signal),
  ]);
  const producer = await log.producer(POLICY_STATES.name, {
    name: 'bench',
    access: 'exclusive',
    signal: stop.signal,
  });
  for (let n = 0; n < messages.length; n += POLLS_PER_SEND) {
    await producer.send(messages.slice(n, n + POLLS_PER_SEND).flat());
  }
  await whenCaughtUp(database, log, FOLDS, stop.signal);
  const seconds = (performance.now() - start) / 1000;
  stop.abort();
  await running;
  return (polls * 29) / seconds;
}

await onServer(async (createDatabase) => {
  const measure = async (name: string, work: (installed: Installed) => Promise<number>): Promise<number> => {
    const installed = await install(await createDatabase(name));
    try {
      return await work(installed);
    } finally {
      await installed.close();
    }
  };
  const copy = await measure('copy_limit', async (installed) => await copyLimit(installed, polls));
  const rate = await measure('end_to_end', async (installed) => await endToEnd(installed, 100));
  const shown = (n: number): string => Math.round(n).toLocaleString('en');
  console.log(`${shown(polls * 29)} observations`);
  console.log(`COPY into history alone   ${shown(copy)} rows/s`);
  console.log(
    `end to end                ${shown(rate)} observations/s, ${((rate / copy) * 100).toFixed(1)}% of the COPY limit`,
  );
});
