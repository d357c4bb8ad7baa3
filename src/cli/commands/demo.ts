/** `balde demo`: simulated days end to end, as fast as they go, and a report. */
import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { SECOND_MS } from '../../domain/time.ts';
import { runDemo } from '../../demo/demo.ts';
import type { DemoOptions, DemoReport } from '../../demo/demo.ts';
import { prepareFolder, removeFolder, temporaryFolder } from '../../operate/demoFolder.ts';
import { demoBroker } from '../demoBroker.ts';
import type { DemoBroker } from '../demoBroker.ts';
import { createLogger } from '../logger.ts';
import { printAnswer } from '../command.ts';
import { STOPPED_EXIT_CODE } from '../fail.ts';
import { yesOption } from '../options/acting.ts';
import { jsonOption } from '../options/forms.ts';
import { parseWhole, seedOption } from '../options/parsers.ts';
import {
  hideSourceOption,
  outcomesWindowOption,
  refillOption,
  scheduleOption,
  TRAFFIC_HELP,
  trafficOption,
} from '../options/simulating.ts';
import { onPath } from '../options/paths.ts';
import { dataDirOption } from '../options/storage.ts';
import { tellLine } from '../print.ts';
import { renderDemo } from '../render/demoReport.ts';
import { progressBar } from '../render/progressBar.ts';
import { stopSignal } from '../signals.ts';

interface DemoCommandOptions extends Pick<DemoOptions, 'seed' | 'participants' | 'schedule' | 'refill'> {
  readonly days?: number;
  readonly traffic?: string;
  readonly writeTraffic?: string;
  readonly dataDir?: string;
  readonly outcomes?: boolean;
  readonly outcomesWindow: number;
  readonly hideSource: readonly string[];
  readonly untidyOutcomes?: boolean;
  readonly pulsar?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const HELP = `${TRAFFIC_HELP}

An earlier demonstration in the folder is replaced. Once balde start has added to it, that needs --yes.`;

const PROGRESS = '{stage}  {bar} {percentage}%  {value}/{total} simulated minutes  {eta_formatted} left';

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'simulate days end to end, compare the alerts with what really happened, and print a report; exits with 0 only if all invariants hold',
    )
    .addOption(seedOption())
    .addOption(
      new Option('--days <d>', 'simulated days (1 by default, or as long as the traffic file is)').argParser(
        parseWhole(1, 3_650),
      ),
    )
    .addOption(
      new Option('--participants <n>', 'simulated participants; those of a traffic file replace them')
        .default(1)
        .argParser(parseWhole(1, 20)),
    )
    .addOption(scheduleOption())
    .addOption(refillOption())
    .addOption(trafficOption('live through the traffic of this file, instead of an invented one'))
    .addOption(new Option('--write-traffic <file>', 'write the traffic to this file as well'))
    .addOption(new Option('--outcomes', 'the simulated systems report their calls (docs/outcomes.md)'))
    .addOption(hideSourceOption())
    .addOption(outcomesWindowOption())
    .addOption(new Option('--untidy-outcomes', 'their reports come late, twice and corrected'))
    .addOption(dataDirOption('kept for status, alerts and export; without it, the data is discarded'))
    .addOption(
      new Option(
        '--pulsar',
        'use a real Pulsar: that of PULSAR_URL, in a namespace of its own, or a broker started here (needs Java 17 and Maven)',
      ),
    )
    .addOption(yesOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(demo);
}

const onReplacing = (folder: string): void => tellLine(`replacing the earlier demonstration in ${folder}`);

async function demo(options: DemoCommandOptions): Promise<void> {
  const { days = null, traffic = null, writeTraffic = null, seed, participants, schedule, refill } = options;
  const outcomes = options.outcomes === true ? reportsOf(options) : null;
  const given = { days, traffic, writeTraffic, seed, participants, schedule, refill, outcomes };
  if (traffic !== null) await onPath('--traffic', traffic, async () => await access(traffic, constants.R_OK));
  const kept = options.dataDir === undefined ? null : resolve(options.dataDir);
  if (kept !== null)
    await onPath(
      '--data-dir',
      kept,
      async () => await prepareFolder(kept, { seed, days, yes: options.yes === true, onReplacing }),
    );
  const dataDir = kept ?? (await temporaryFolder());
  const bar = progressBar(PROGRESS);
  const onProgress: DemoOptions['onProgress'] = (stage, done, total) => {
    if (stage !== 'checking') bar.show(done, total, { stage });
  };
  const signal = stopSignal();
  let broker: DemoBroker | null = null;
  try {
    broker = options.pulsar === true ? await demoBroker(dataDir, signal) : null;
    const pulsar = broker?.settings ?? null;
    const report = await runDemo({
      ...given,
      dataDir,
      pulsar,
      logger: createLogger('silent', process.stderr),
      onProgress,
      signal,
    });
    bar.stop();
    await show(report, options, kept);
  } catch (error) {
    if (!signal.aborted) throw error;
    bar.stop();
    tellLine('stopped before the end: no report');
    process.exitCode = STOPPED_EXIT_CODE;
  } finally {
    bar.stop();
    await broker?.stop();
    if (kept === null) await removeFolder(dataDir);
  }
}

const reportsOf = ({ outcomesWindow, hideSource, untidyOutcomes }: DemoCommandOptions) => ({
  windowMs: outcomesWindow * SECOND_MS,
  hidden: hideSource,
  isUntidy: untidyOutcomes === true,
});

async function show(report: DemoReport, options: DemoCommandOptions, kept: string | null): Promise<void> {
  const hint = kept === null ? [] : [`Kept in ${kept}: try balde status --data-dir ${kept}`];
  await printAnswer(report, { text: () => [...renderDemo(report), ...hint], json: () => report }, options);
  if (!Object.values(report.invariants).every(Boolean)) process.exitCode = 1;
}
