/**
 * Rebuild of the states read model, beside its limits and a peer on the same rows in the same run:
 * `npm run bench:rebuild -- [--events N] [--peer-events N] [--only pulsar|embedded] [--no-peer] [--chart FILE]`. With
 * `--before FOLDER [--rounds N]`, a checkout that is built, beside that program alone (bench/rebuildBefore.ts).
 *
 * The rebuild is the command itself, in a process of its own, while a reader polls the public views.
 */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { text as textOf } from 'node:stream/consumers';
import { statesProjection } from '../projections/states/fold.ts';
import { decodeObservation, encodeObservation } from '../src/codec/observation.ts';
import { foldBatch } from '../src/consume/foldBatch.ts';
import type { PulsarSettings } from '../src/log/pulsar/settings.ts';
import { packageRoot } from '../src/packageRoot.ts';
import type { Database } from '../src/store/database.ts';
import { hashStates } from '../src/store/hash.ts';
import { bareReceive } from './bareReceive.ts';
import { install, onServer, option, pollAt, pollsUntil } from './common.ts';
import { copyLimit } from './copyLimit.ts';
import { fillEmbedded, fillPulsar } from './fillLogs.ts';
import { emmettRebuild } from './peer/emmett.ts';
import { installOnPulsar, onBroker } from './pulsar.ts';
import { compareWithBefore } from './rebuildBefore.ts';

const polls = Math.ceil(option('events', 1_000_000) / 29);
const events = polls * 29;
const samplePolls = Math.min(polls, Math.ceil(1_000_000 / 29));
const peerEvents = option('peer-events', 200_000);
const flag = (name: string): boolean => process.argv.includes(`--${name}`);
const text = (name: string): string | null => process.argv[process.argv.indexOf(`--${name}`) + 1] ?? null;
const only = flag('only') ? text('only') : null;

if (flag('before')) {
  await compareWithBefore({ folder: resolve(text('before') ?? '.'), events, rounds: option('rounds', 3) });
  process.exit();
}

interface Figure {
  readonly what: string;
  /** Events or rows per second. */
  readonly rate: number;
  readonly note: string;
}
const figures: Figure[] = [];
const add = (what: string, rate: number, note = ''): number => {
  figures.push({ what, rate, note });
  console.log(`${what.padEnd(34)} ${Math.round(rate).toLocaleString('en').padStart(9)}/s  ${note}`);
  return rate;
};

interface Rebuilt {
  readonly events: number;
  readonly seconds: number;
  readonly peak_rss_mib: number;
}

/** Runs the command; a reader looks at the views all the while. */
async function rebuildBy(url: string, database: Database, pulsar: PulsarSettings | null): Promise<Rebuilt> {
  const stop = new AbortController();
  let reads = 0;
  const reading = (async () => {
    while (!stop.signal.aborted) {
      await database.query('select count(*) from v_dict_rate_limit_latest_states');
      reads += 1;
      await delay(100);
    }
  })();
  const log =
    pulsar === null
      ? {}
      : {
          PULSAR_URL: pulsar.serviceUrl,
          PULSAR_ADMIN_URL: pulsar.adminUrl,
          PULSAR_TENANT: pulsar.tenant,
          PULSAR_NAMESPACE: pulsar.namespace,
        };
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  try {
    const child = spawn(process.execPath, [program, 'rebuild', 'states', '--json'], {
      env: { ...process.env, PULSAR_URL: '', DATABASE_URL: url, ...log },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let progress = '';
    child.stderr.setEncoding('utf8').on('data', (said: string) => {
      process.stderr.write(said);
      progress += said;
    });
    const { total_seconds: seconds, ...report } = JSON.parse(await textOf(child.stdout)) as Rebuilt & {
      total_seconds: number;
    };
    tellRates(progress);
    return { ...report, seconds };
  } finally {
    stop.abort();
    await reading;
    console.log(`the views were read ${reads} times meanwhile`);
  }
}

/** How fast the filling went until so many events were in, by the command's own progress. */
function tellRates(progress: string): void {
  const lines = [...progress.matchAll(/^(\d+) of \d+ events, (\d+) events\/s$/gm)].map(([, done, rate]) => ({
    done: Number(done),
    rate: Number(rate),
  }));
  for (const least of [1_000_000, 5_000_000, events]) {
    const at = lines.find(({ done }) => done >= least) ?? (least === events ? lines.at(-1) : undefined);
    if (at !== undefined) console.log(`up to ${at.done} events filled at ${at.rate}/s`);
  }
}

function foldAlone(): number {
  const encoded = Array.from({ length: samplePolls }, (_, n) => pollAt(n))
    .flat()
    .slice(0, 300_000)
    .map(encodeObservation);
  const states = new Map();
  const start = performance.now();
  for (let i = 0; i < encoded.length; i += 20_000) {
    const batch = encoded.slice(i, i + 20_000).flatMap((message) => decodeObservation(message) ?? []);
    for (const [key, state] of foldBatch(statesProjection, states, batch).changed) states.set(key, state);
  }
  return encoded.length / ((performance.now() - start) / 1000);
}

await onServer(async (createDatabase) => {
  console.log(`${events.toLocaleString('en')} events, 29 policies, one poll a minute`);
  let copies = 0;
  const copyOnce = async (when: string): Promise<number> => {
    copies += 1;
    const installed = await install(await createDatabase(`copy_${copies}`));
    const rate = await copyLimit(installed, samplePolls);
    await installed.close();
    return add(`bare COPY ${when}`, rate, `${samplePolls * 29} rows into history`);
  };
  add('decode and fold alone', foldAlone());
  /** What a machine gives changes within minutes: the limit is measured just before and just after. */
  const rebuildBeside = async (
    what: string,
    url: string,
    database: Database,
    pulsar: PulsarSettings | null,
  ): Promise<number> => {
    const before = await copyOnce('before');
    const { events: read, seconds, peak_rss_mib: rss } = await rebuildBy(url, database, pulsar);
    if (read !== events) throw new Error(`${read} of ${events} events were read`);
    const copy = (before + (await copyOnce('after'))) / 2;
    const rate = events / seconds;
    return add(what, rate, `${((rate / copy) * 100).toFixed(0)}% of COPY, peak memory ${rss.toFixed(0)} MiB`);
  };
  let ours = 0;
  let hash = '';
  if (only !== 'embedded') {
    await onBroker(async (settings) => {
      const url = await createDatabase('from_pulsar');
      const installed = await installOnPulsar(url, settings);
      add('fill Pulsar', await fillPulsar(installed.log, polls), 'not part of the comparison');
      add('bare batchReceive', await bareReceive(settings, events));
      ours = await rebuildBeside('rebuild from Pulsar', url, installed.database, settings);
      hash = await hashStates(installed.database, 'states_v2');
      await installed.close();
    });
  }
  if (only !== 'pulsar') {
    const url = await createDatabase('from_embedded');
    const installed = await install(url);
    await fillEmbedded([installed.database], pollsUntil(polls));
    const rate = await rebuildBeside('rebuild from the embedded log', url, installed.database, null);
    if (ours === 0) ours = rate;
    const same = await hashStates(installed.database, 'states_v2');
    if (hash !== '' && hash !== same) throw new Error('the rebuilds from the two logs differ');
    hash = same;
    await installed.close();
  }
  console.log(`history's hash ${hash}`);
  if (!flag('no-peer')) {
    const peer = await emmettRebuild({
      url: await createDatabase('peer'),
      events: peerEvents,
      allModes: true,
    });
    for (const { mode, eventsPerSecond } of peer.tried)
      add(`Emmett: ${mode}`, eventsPerSecond, `rebuild is ${(ours / eventsPerSecond).toFixed(1)} times as fast`);
  }
});
const file = flag('chart') ? text('chart') : join(packageRoot, '.balde', 'rebuild.svg');
if (file !== null) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await barChart(figures));
  console.log(`chart: ${file}`);
}
process.exit();

async function barChart(bars: readonly Figure[]): Promise<string> {
  const { init } = await import('echarts');
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 60 + 34 * bars.length });
  const shown = [...bars].reverse();
  chart.setOption({
    animation: false,
    grid: { left: 260, right: 90, top: 20, bottom: 40 },
    xAxis: { type: 'value', name: 'per second', nameLocation: 'middle', nameGap: 26 },
    yAxis: { type: 'category', data: shown.map(({ what }) => what.slice(0, 40)) },
    series: [
      {
        type: 'bar',
        data: shown.map(({ rate }) => Math.round(rate)),
        label: { show: true, position: 'right' },
      },
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
