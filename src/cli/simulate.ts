/** `balde simulate`: a Bridge whose buckets behave as DICT's do, to point a poller at. */
import { Command, Option } from 'commander';
import { acceleratedClock } from '../simulator/clocks.ts';
import { SCENARIO_NAMES } from '../simulator/scenario.ts';
import type { ScenarioName } from '../simulator/scenario.ts';
import { startSimulator } from '../simulator/server.ts';
import { printLine, stopSignal } from './common.ts';
import { oneOf, parseWhole } from './options.ts';

interface SimulateOptions {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly speed: number;
  readonly scenario: ScenarioName;
  readonly refill: 'lump' | 'drip';
  readonly quiet?: boolean;
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run a Bridge simulator: gRPC, buckets that behave as DICT documents, seeded traffic')
    .addOption(new Option('--host <host>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      new Option('--port <port>', 'port to listen on; 0 takes a free one')
        .default(50051)
        .argParser(parseWhole(0, 65_535)),
    )
    .addOption(new Option('--seed <n>', 'seed of the traffic').default(1).argParser(parseWhole(0, 2 ** 31)))
    .addOption(
      new Option('--speed <factor>', 'how much faster than real its clock runs')
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
    .addOption(new Option('--quiet', 'print no line per call'))
    .action(async (options: SimulateOptions) => await simulate(options));
}

async function simulate(options: SimulateOptions): Promise<void> {
  const signal = stopSignal();
  const { host, port, seed, scenario, refill, speed } = options;
  const simulator = await startSimulator({
    ...{ host, port, seed, scenario, refill },
    clock: acceleratedClock(Date.now(), speed),
    ...(options.quiet === true ? {} : { log: printLine }),
  });
  printLine(
    `Bridge simulator at ${simulator.address}: scenario ${scenario}, seed ${seed}, clock × ${speed}. Ctrl-C stops it.`,
  );
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await simulator.close();
}
