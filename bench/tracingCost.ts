/**
 * What traces cost the live path on the embedded log: polls published one by one, then read and committed by `states`
 * and by `alerting`. By turns, each run in a process and a database of its own: this program without its calls of
 * OpenTelemetry (bench/peer/untraced.ts), twice, which tells how far runs of the same differ; as it is, without a
 * receiver of spans; with one; and the program of another checkout, if it is given:
 * `npm run bench:tracing-cost -- [--rounds N] [--polls N] [--before FOLDER]`. The folder is a checkout that is built.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { packageRoot } from '../src/packageRoot.ts';
import { install, median, onServer, option } from './common.ts';
import type { Measured } from './tracingCostRun.ts';

const rounds = option('rounds', 9);
const polls = option('polls', 1_500);
const at = process.argv.indexOf('--before');
const before = at === -1 ? null : resolve(process.argv[at + 1] ?? '.');

interface Variant {
  readonly name: string;
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Options of Node.js. */
  readonly node?: readonly string[];
}

/** Takes spans and forgets them. */
async function startReceiver() {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume().once('end', () => response.end());
  });
  await new Promise<void>((started) => server.listen(0, '127.0.0.1', started));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests: () => requests, close: () => server.close() };
}

async function runIn({ root, environment, node = [] }: Variant, databaseUrl: string): Promise<Measured> {
  const program = join(packageRoot, 'dist', 'bench', 'tracingCostRun.js');
  const child = spawn(process.execPath, [...node, program, join(root, 'dist'), databaseUrl, String(polls)], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await text(child.stdout);
  return JSON.parse(said) as Measured;
}

const STEPS = ['publish', 'states', 'alerting'] as const;

/** Median and ends of the ratios within each round, of wall time and of the process's CPU time. */
function report(name: string, runs: readonly Measured[], base: readonly Measured[]): void {
  for (const step of STEPS) {
    const ratio = (what: 'seconds' | 'cpuSeconds'): string => {
      const ratios = runs.map((run, i) => run[step][what] / (base[i]?.[step][what] ?? NaN));
      const [middle, least, most] = [median(ratios), Math.min(...ratios), Math.max(...ratios)];
      return `${middle.toFixed(3)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
    };
    const rate = median(runs.map((run) => run.observations / run[step].seconds));
    console.log(
      `${name.padEnd(14)} ${step.padEnd(9)} ${Math.round(rate).toLocaleString('en').padStart(8)}/s   ` +
        `time ${ratio('seconds')}   CPU ${ratio('cpuSeconds')}`,
    );
  }
}

await onServer(async (createDatabase) => {
  const receiver = await startReceiver();
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  const node = ['--import', new URL('./peer/withoutTracing.js', import.meta.url).href];
  const without = { root: packageRoot, environment: {}, node };
  const variants: readonly Variant[] = [
    { name: 'without', ...without },
    { name: 'without again', ...without },
    ...(before === null ? [] : [{ name: 'before', root: before, environment: {} }]),
    { name: 'off', root: packageRoot, environment: {} },
    { name: 'on', root: packageRoot, environment: on },
  ];
  const runs = new Map(variants.map(({ name }): [string, Measured[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Each is first, in the middle and last as often as the others.
    const turn = round % variants.length;
    for (const variant of [...variants.slice(turn), ...variants.slice(0, turn)]) {
      const url = await createDatabase(`round_${round}_${variant.name.replace(' ', '_')}`);
      await (await install(url)).close();
      runs.get(variant.name)?.push(await runIn(variant, url));
    }
  }
  receiver.close();
  console.log(`${rounds} rounds of ${polls} polls of 29 policies; ${receiver.requests()} requests with spans`);
  const of = (name: string): Measured[] => runs.get(name) ?? [];
  console.log('ratios to a run without, medians (and from the least to the most):');
  for (const { name } of variants) report(name, of(name), of('without'));
  console.log('ratios to off:');
  report('on', of('on'), of('off'));
});
process.exit();
