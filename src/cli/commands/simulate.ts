/** `balde simulate`: a Bridge whose buckets behave as DICT's do, to point a poller at. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { acceleratedClock } from '../../simulator/clocks.ts';
import { SCENARIO_NAMES } from '../../simulator/scenario.ts';
import type { ScenarioName } from '../../simulator/scenario.ts';
import type { RefillMode } from '../../simulator/tokenBucket.ts';
import { Bridge } from '../../simulator/bridge.ts';
import type { Answering } from '../../simulator/bridge.ts';
import { serveBridge } from '../../simulator/server.ts';
import { INVENTED_WORLD, recordedTraffic } from '../../simulator/traffics.ts';
import { WorldBridge } from '../../simulator/worldBridge.ts';
import { formatDuration } from '../../config/duration.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { UsageError } from '../../errors.ts';
import { oneOf, parseWhole, seedOption } from '../options/parsers.ts';
import {
  hideSourceOption,
  outcomesWindowOption,
  refillOption,
  TRAFFIC_HELP,
  trafficOption,
} from '../options/simulating.ts';
import { onPath } from '../options/paths.ts';
import { printLine } from '../print.ts';
import { stopSignal } from '../signals.ts';
import { writeReports } from '../writeReports.ts';

interface SimulateOptions {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly speed: number;
  readonly scenario: ScenarioName;
  readonly refill: RefillMode;
  readonly traffic?: string;
  readonly outcomes?: string;
  readonly outcomesWindow: number;
  readonly hideSource: readonly string[];
  readonly quiet?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run a simulated Bridge over gRPC: buckets that behave as DICT documents, with seeded traffic')
    .addOption(new Option('--host <host>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      new Option('--port <port>', 'port to listen on; 0 takes a free one')
        .default(50051)
        .argParser(parseWhole(0, 65_535)),
    )
    .addOption(seedOption())
    .addOption(
      new Option('--speed <factor>', 'run its clock this many times faster')
        .default(1)
        .argParser(parseWhole(1, 100_000)),
    )
    .addOption(
      new Option('--scenario <name>', `one of ${SCENARIO_NAMES.join(', ')}`)
        .default('day')
        .argParser(oneOf(SCENARIO_NAMES)),
    )
    .addOption(refillOption())
    .addOption(trafficOption('serve buckets that live through the traffic of this file, instead of a scenario'))
    .addOption(
      new Option('--outcomes <file>', 'with --traffic: write what the calling systems report to this file, NDJSON'),
    )
    .addOption(hideSourceOption())
    .addOption(outcomesWindowOption())
    .addOption(new Option('--tls-cert <file>', 'serve TLS: certificate, PEM'))
    .addOption(new Option('--tls-key <file>', 'key of the certificate, PEM'))
    .addOption(new Option('--tls-ca <file>', 'ask clients for a certificate of this authority (mTLS), PEM'))
    .addOption(new Option('--quiet', 'print nothing per call'))
    .addHelpText('after', TRAFFIC_HELP)
    .action(async (options: SimulateOptions) => await simulate(options));
}

async function simulate(options: SimulateOptions): Promise<void> {
  const signal = stopSignal();
  const { host, port, speed } = options;
  const tls = await readTls(options);
  const { bridge, what, working } = await bridgeOf(options);
  const served = await serveBridge(bridge, {
    ...{ host, port, seed: options.seed },
    ...(tls === null ? {} : { tls }),
    ...(options.quiet === true ? {} : { log: printLine }),
  });
  printLine(
    `Bridge simulator at ${served.address}${tls === null ? '' : tls.clientCa === undefined ? ' (TLS)' : ' (mutual TLS)'}: ${what}, seed ${options.seed}, clock × ${speed}. Ctrl-C stops it.`,
  );
  await working(signal);
  await served.close();
}

interface Simulated {
  readonly bridge: Answering;
  readonly what: string;
  /** Until the signal aborts. */
  readonly working: (signal: AbortSignal) => Promise<void>;
}

async function bridgeOf(options: SimulateOptions): Promise<Simulated> {
  const { seed, speed, scenario, refill, traffic, outcomes } = options;
  // Traffic counts in whole seconds. Its file is read before the clock runs, however long that takes.
  const startAt = Math.floor(Date.now() / 1000) * 1000;
  if (traffic === undefined) {
    if (outcomes !== undefined)
      throw new UsageError('--outcomes needs --traffic: balde demo --write-traffic makes such a file');
    const clock = acceleratedClock(startAt, speed);
    return {
      bridge: new Bridge({ seed, scenario, refill, clock }),
      what: `scenario ${scenario}`,
      working: untilAborted,
    };
  }
  const plan = await onPath('--traffic', traffic, async () => await recordedTraffic(traffic, startAt, null));
  const clock = acceleratedClock(startAt, speed);
  const length = formatDuration(plan.endAt - plan.startAt);
  const what = `${length} of traffic of ${plan.participants.join(', ')} from ${traffic}, and none after that`;
  const given = { category: INVENTED_WORLD.category, plan, seed, refill, clock };
  if (outcomes === undefined) return { bridge: new WorldBridge(given), what, working: untilAborted };
  const reporting = { windowMs: options.outcomesWindow * SECOND_MS, hidden: options.hideSource };
  const { onAnswered, run } = await onPath(
    '--outcomes',
    outcomes,
    async () => await writeReports({ ...reporting, file: outcomes, plan, seed, clock }),
  );
  const bridge = new WorldBridge({ ...given, onAnswered });
  return { bridge, what, working: async (signal) => await run(bridge, signal) };
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** @throws {UsageError} a file is missing, or is not what it should be */
async function readTls({ tlsCert, tlsKey, tlsCa }: SimulateOptions) {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new UsageError('TLS needs both --tls-cert and --tls-key: a certificate and its key');
  const read = async (option: string, path: string): Promise<Buffer> =>
    await onPath(option, path, async () => await readFile(path));
  const cert = await read('--tls-cert', tlsCert);
  const key = await read('--tls-key', tlsKey);
  const clientCa = tlsCa === undefined ? undefined : await read('--tls-ca', tlsCa);
  const certificate = parsed('--tls-cert', tlsCert, () => new X509Certificate(cert));
  if (!certificate.checkPrivateKey(parsed('--tls-key', tlsKey, () => createPrivateKey(key))))
    throw new UsageError(`--tls-key: ${tlsKey} is not the key of ${tlsCert}`);
  if (clientCa === undefined) return { cert, key };
  parsed('--tls-ca', tlsCa ?? '', () => new X509Certificate(clientCa));
  return { cert, key, clientCa };
}

function parsed<T>(option: string, path: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new UsageError(`${option}: ${path} holds nothing usable in PEM form`, { cause });
  }
}
