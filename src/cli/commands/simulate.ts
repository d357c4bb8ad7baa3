/** `balde simulate`: a Bridge whose buckets behave as DICT's do, to point a poller at. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { acceleratedClock } from '../../simulator/clocks.ts';
import { SCENARIO_NAMES } from '../../simulator/scenario.ts';
import type { ScenarioName } from '../../simulator/scenario.ts';
import { startSimulator } from '../../simulator/server.ts';
import { UsageError } from '../../errors.ts';
import { oneOf, parseWhole, seedOption } from '../options/parsers.ts';
import { onPath } from '../options/paths.ts';
import { printLine } from '../print.ts';
import { stopSignal } from '../signals.ts';

interface SimulateOptions {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly speed: number;
  readonly scenario: ScenarioName;
  readonly refill: 'lump' | 'drip';
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
    .addOption(
      new Option('--refill <how>', 'lump (each period at once) or drip')
        .default('lump')
        .argParser(oneOf(['lump', 'drip'] as const)),
    )
    .addOption(new Option('--tls-cert <file>', 'serve TLS: certificate, PEM'))
    .addOption(new Option('--tls-key <file>', 'key of the certificate, PEM'))
    .addOption(new Option('--tls-ca <file>', 'ask clients for a certificate of this authority (mTLS), PEM'))
    .addOption(new Option('--quiet', 'print nothing per call'))
    .action(async (options: SimulateOptions) => await simulate(options));
}

async function simulate(options: SimulateOptions): Promise<void> {
  const signal = stopSignal();
  const { host, port, seed, scenario, refill, speed } = options;
  const tls = await readTls(options);
  const simulator = await startSimulator({
    ...{ host, port, seed, scenario, refill },
    clock: acceleratedClock(Date.now(), speed),
    ...(tls === null ? {} : { tls }),
    ...(options.quiet === true ? {} : { log: printLine }),
  });
  printLine(
    `Bridge simulator at ${simulator.address}${tls === null ? '' : tls.clientCa === undefined ? ' (TLS)' : ' (mutual TLS)'}: scenario ${scenario}, seed ${seed}, clock × ${speed}. Ctrl-C stops it.`,
  );
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await simulator.close();
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
