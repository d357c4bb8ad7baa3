/**
 * Rebuild of the states read model, beside its limits and a peer on the same rows in the same run:
 * `npm run bench:rebuild -- [--events N] [--peer-events N] [--only pulsar|embedded] [--no-peer] [--chart FILE]`.
 *
 * The rebuild is the command itself, in a process of its own, while a reader polls the public views.
 */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { text as textOf } from 'node:stream/consumers';
import { statesProjection } from '../projections/states/fold.ts';
import { decodeObservation, encodeObservation, OBSERVATION_PROPERTIES } from '../src/codec/observation.ts';
import { foldBatch } from '../src/consume/foldBatch.ts';
import { bucketKey } from '../src/domain/events.ts';
import type { PulsarSettings } from '../src/log/pulsar/settings.ts';
import { packageRoot } from '../src/packageRoot.ts';
import type { Database } from '../src/store/database.ts';
import { hashStates } from '../src/store/hash.ts';
import { bareReceive } from './bareReceive.ts';
import { install, onServer, option, pollAt } from './common.ts';
import { copyLimit } from './copyLimit.ts';
import { fillEmbedded, fillPulsar } from './fillLogs.ts';
import { emmettRebuild } from './peer/emmett.ts';
import { installOnPulsar, onBroker } from './pulsar.ts';

const polls = Math.ceil(option('events', 1_000_000) / 29);
const events = polls * 29;
const samplePolls = Math.min(polls, Math.ceil(1_000_000 / 29));
const peerEvents = option('peer-events', 200_000);
const flag = (name: string): boolean => process.argv.includes(`--${name}`);
const text = (name: string): string | null => process.argv[process.argv.indexOf(`--${name}`) + 1] ?? null;
const only = flag('only') ? text('only') : null;

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
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { total_seconds: seconds, ...report } = JSON.parse(await textOf(child.stdout)) as Rebuilt & {
      total_seconds: number;
    };
    return { ...report, seconds };
  } finally {
    stop.abort();
    await reading;
    console.log(`the views were read ${reads} times meanwhile`);
  }
}

function foldAlone(): number {
  const encoded = Array.from({ length: samplePolls }, (_, n) => pollAt(n))
    .flat()
    .slice(0, 300_000)
    .map((event) => ({
      key: bucketKey(event),
      payload: encodeObservation(event),
      properties: OBSERVATION_PROPERTIES,
    }));
  const states = new Map();
  const start = performance.now();
  for (let i = 0; i < encoded.length; i += 20_000) {
    const batch = encoded.slice(i, i + 20_000).map(decodeObservation);
    for (const [key, state] of foldBatch(statesProjection, states, batch).changed) states.set(key, state);
  }
  return encoded.length / ((performance.now() - start) / 1000);
}

await onServer(async (createDatabase) => {
  console.log(`${events.toLocaleString('en')} events, 29 policies, one poll a minute`);
  const copyInto = await install(await createDatabase('copy_limit'));
  const copy = add(
    'bare COPY into history',
    await copyLimit(copyInto, samplePolls),
    `${samplePolls * 29} rows`,
  );
  await copyInto.close();
  add('decode and fold alone', foldAlone());
  const share = (rate: number, rss: number): string =>
    `${((rate / copy) * 100).toFixed(0)}% of COPY, peak memory ${rss.toFixed(0)} MiB`;
  let ours = 0;
  let hash = '';
  if (only !== 'embedded') {
    await onBroker(async (settings) => {
      const url = await createDatabase('from_pulsar');
      const installed = await installOnPulsar(url, settings);
      add('fill Pulsar', await fillPulsar(installed.log, polls), 'not part of the comparison');
      add('bare batchReceive', await bareReceive(settings, events));
      const done = await rebuildBy(url, installed.database, settings);
      if (done.events !== events) throw new Error(`${done.events} of ${events} events were read`);
      ours = add(
        'rebuild from Pulsar',
        events / done.seconds,
        share(events / done.seconds, done.peak_rss_mib),
      );
      hash = await hashStates(installed.database, 'states_v2');
      await installed.close();
    });
  }
  if (only !== 'pulsar') {
    const url = await createDatabase('from_embedded');
    const installed = await install(url);
    await fillEmbedded(installed.database, polls);
    const done = await rebuildBy(url, installed.database, null);
    if (done.events !== events) throw new Error(`${done.events} of ${events} events were read`);
    const rate = events / done.seconds;
    add('rebuild from the embedded log', rate, share(rate, done.peak_rss_mib));
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
      add(
        `Emmett: ${mode}`,
        eventsPerSecond,
        `rebuild is ${(ours / eventsPerSecond).toFixed(1)} times as fast`,
      );
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
