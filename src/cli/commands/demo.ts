/** `balde demo`: simulated days end to end, as fast as they go, and a report. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import { runDemo } from '../../demo/demo.ts';
import type { DemoOptions, DemoReport } from '../../demo/demo.ts';
import { continuedSince, DEMO_MARKER } from '../../operate/demoFolder.ts';
import { isServing, removeServer } from '../../app/databaseServer.ts';
import { UsageError } from '../../errors.ts';
import { assertOwnFolder, ownUsers } from '../../store/ownFolder.ts';
import { demoBroker } from '../demoBroker.ts';
import type { DemoBroker } from '../demoBroker.ts';
import { jsonOption, onPath, printJson, printLine, stopSignal, tellLine } from '../common.ts';
import { renderDemo } from '../render/demoReport.ts';
import { parseWhole } from '../options/parsers.ts';

interface DemoCommandOptions {
  readonly seed: number;
  readonly days: number;
  readonly dataDir?: string;
  readonly pulsar?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'simulate days of 5-minute polls end to end and print a report; exits with 0 only if all invariants hold',
    )
    .addOption(new Option('--seed <n>', 'seed of the simulated traffic').default(1).argParser(parseWhole(0, 2 ** 31)))
    .addOption(new Option('--days <d>', 'simulated days').default(1).argParser(parseWhole(1, 3_650)))
    .addOption(
      new Option(
        '--data-dir <dir>',
        'keep the data in this folder, for status, alerts and export (default: discard it)',
      ),
    )
    .addOption(
      new Option(
        '--pulsar',
        'use a real Pulsar: that of PULSAR_URL, in a namespace of its own, or a broker started here (needs Java 17 and Maven)',
      ),
    )
    .addOption(new Option('--yes', 'replace an earlier demonstration even if balde start has added to it'))
    .addOption(jsonOption())
    .action(async (options: DemoCommandOptions) => await demo(options));
}

async function demo(options: DemoCommandOptions): Promise<void> {
  const kept = options.dataDir === undefined ? null : resolve(options.dataDir);
  if (kept !== null) await onPath('--data-dir', kept, async () => await prepareFolder(kept, options));
  const dataDir = kept ?? (await temporaryFolder());
  const bar = progressBar();
  const signal = stopSignal();
  let broker: DemoBroker | null = null;
  try {
    broker = options.pulsar === true ? await demoBroker(dataDir, signal) : null;
    const pulsar = broker?.settings ?? null;
    const report = await runDemo({ ...options, dataDir, pulsar, onProgress: bar.show, signal });
    bar.stop();
    show(report, options, kept);
  } catch (error) {
    if (!signal.aborted) throw error;
    bar.stop();
    tellLine('stopped before the end: no report');
    process.exitCode = 130;
  } finally {
    bar.stop();
    await broker?.stop();
    if (kept === null) await removeFolder(dataDir);
  }
}

function show(report: DemoReport, options: DemoCommandOptions, kept: string | null): void {
  if (options.json === true) printJson(report);
  else {
    for (const line of renderDemo(report)) printLine(line);
    if (kept !== null) printLine(`Kept in ${kept}: try balde status --data-dir ${kept}`);
  }
  if (!Object.values(report.invariants).every(Boolean)) process.exitCode = 1;
}

/** Started by root, the server runs as another user, who must be able to pass through. */
async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-demo-'));
  await chmod(folder, 0o755);
  return folder;
}

/** What a demonstration makes in its folder. */
const OWN_NAMES: ReadonlySet<string> = new Set([DEMO_MARKER, 'postgres', 'pulsar']);

/** An earlier demonstration's folder is emptied; what was added to it since only when told to, anything else never. */
async function prepareFolder(folder: string, { seed, days, yes }: DemoCommandOptions): Promise<void> {
  assertOwnFolder(folder, ownUsers());
  if (existsSync(join(folder, DEMO_MARKER))) {
    if (isServing(folder)) {
      throw new UsageError(`${folder} is in use: stop the Balde that runs on it, or give --data-dir another folder`);
    }
    await assertReplaceable(folder, yes === true);
    tellLine(`replacing the earlier demonstration in ${folder}`);
    await removeFolder(folder);
  } else if (existsSync(folder) && (await readdir(folder)).length > 0) {
    throw new UsageError(`${folder} is not empty and holds no demonstration: give --data-dir another folder`);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, DEMO_MARKER), `${JSON.stringify({ seed, days })}\n`, { flag: 'wx' });
}

async function assertReplaceable(folder: string, yes: boolean): Promise<void> {
  const others = (await readdir(folder)).filter((name) => !OWN_NAMES.has(name));
  if (others.length > 0)
    throw new UsageError(
      `${folder} also holds ${others.join(', ')}, which no demonstration made: move that away, or give --data-dir another folder`,
    );
  const since = continuedSince(folder);
  if (since !== null && !yes)
    throw new UsageError(
      `${folder} holds more than a demonstration: balde start has added to it since ${since}. To throw all of it away, add --yes; to keep it, give --data-dir another folder`,
    );
}

async function removeFolder(folder: string): Promise<void> {
  await removeServer(folder);
  await rm(folder, { recursive: true, force: true });
}

/** On standard error, and only where someone watches. */
function progressBar(): { show: DemoOptions['onProgress']; stop: () => void } {
  const format = '{stage}  {bar} {percentage}%  {value}/{total} polls  {eta_formatted} left';
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, fps: 4 });
  let started = false;
  return {
    show: (stage, done, total) => {
      if (!process.stderr.isTTY || stage === 'checking') return;
      if (!started) bar.start(total, 0, { stage });
      started = true;
      bar.update(done, { stage });
    },
    stop: () => {
      if (started) bar.stop();
      started = false;
    },
  };
}
