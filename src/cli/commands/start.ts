/** `balde start`: runs roles until stopped. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { systemClock } from '../../clock.ts';
import { RATE_LIMIT_ALERTS } from '../../codec/topics.ts';
import type { Config } from '../../config/config.ts';
import { tail } from '../../consume/tail.ts';
import { ROLES } from '../../config/roles.ts';
import type { Role } from '../../config/roles.ts';
import { SIMULATED_DEFAULTS } from '../../config/simulated.ts';
import { runRoles } from '../../app/roles.ts';
import { beginningAfter, LiveReports } from '../../demo/liveReports.ts';
import { markContinued } from '../../operate/demoFolder.ts';
import { openStorage } from '../../app/storage.ts';
import { prepareMetricExport } from '../../app/metricExport.ts';
import type { MetricExport } from '../../app/otlpMetrics.ts';
import type { OtlpOptions } from '../../app/otlpProcess.ts';
import { startTraceExport } from '../../app/traceExport.ts';
import { packageVersion } from '../../packageRoot.ts';
import type { Storage } from '../../app/storage.ts';
import { SIMULATED_PARTICIPANT } from '../../simulator/participant.ts';
import { startSimulator } from '../../simulator/server.ts';
import type { Simulator } from '../../simulator/server.ts';
import { baseCommand } from '../command.ts';
import { lineOf } from '../logForms.ts';
import { createLogger } from '../logger.ts';
import { openOutput } from '../render/output.ts';
import { runTogether } from '../../together.ts';
import type { Task } from '../../together.ts';
import { painted } from '../render/terminal.ts';
import { parseRoles } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { tellLine } from '../print.ts';
import { stopSignal } from '../signals.ts';
import { intakeOf, sitesOf } from '../sites.ts';
import { configOf } from '../storage.ts';
import { alertEventText, announce, tellFirstPoll, tellOnce, tellStandby } from '../render/start.ts';

interface StartOptions extends CommonOptions {
  readonly roles: readonly Role[];
  readonly simulate?: boolean;
}

/** How long a database or a broker that does not answer is waited for. */
const PATIENCE_MS = 60_000;

/** The client tells of every connection: one level lower it doesn't drown what Balde says. */
const PULSAR_LEVELS = {
  debug: 'trace',
  info: 'debug',
  warn: 'warn',
  error: 'error',
} as const;

export const startCommand = (): Command =>
  baseCommand({
    name: 'start',
    description: 'poll, keep history, raise alerts and serve /metrics, until stopped (Ctrl-C)',
    options: [
      new Option('--roles <list>', `what this process does: ${ROLES.join(', ')}`)
        .default([...ROLES], 'all')
        .argParser(parseRoles),
      new Option('--simulate', 'start a simulated Bridge and poll it, instead of a real one'),
    ],
  }).action(start);

/** What a person reads, and what a collector of logs does. Neither holds up the work, nor ends it. */
interface Outputs {
  readonly print: (line: string) => void;
  readonly logger: Logger;
}

/** How long readers that are slow are given at the end. */
const LAST_WORDS_MS = 1_000;

async function start(options: StartOptions): Promise<void> {
  const screen = openOutput(1, (lines) => `(${lines} lines were left out: nobody read them)`);
  const print = (line: string): void => screen.write(`${painted(line)}\n`);
  try {
    const signal = stopSignal();
    const config = configOf(options, {
      onWarning: (warning) => print(`warning: ${warning}`),
      withoutParticipants: options.simulate === true || !options.roles.includes('poller'),
      serving: options.roles.includes('http'),
      defaults: options.simulate === true ? SIMULATED_DEFAULTS : {},
    });
    await logging(config, async (logger) => await startWith(options, config, { print, logger }, signal));
  } finally {
    await screen.drain(LAST_WORDS_MS);
  }
}

/** What is logged until the work is done is written, as far as somebody reads it. */
async function logging({ logLevel, logFormat }: Config, work: (logger: Logger) => Promise<void>): Promise<void> {
  const leftOut = (lines: number): string =>
    lineOf(logFormat, {
      level: 'warn',
      lines,
      msg: 'lines of the log were left out: nobody read them',
    });
  const output = openOutput(2, leftOut);
  try {
    await work(createLogger(logLevel, output, logFormat));
  } finally {
    await output.drain(LAST_WORDS_MS);
  }
}

async function startWith(options: StartOptions, config: Config, outputs: Outputs, signal: AbortSignal): Promise<void> {
  tellIgnored(options);
  const { print, logger } = outputs;
  const told: OtlpOptions = {
    version: packageVersion(),
    onLost: (what, reason) => logger.warn({ reason }, `${what} may be missing: work goes on without them`),
  };
  const metricExport = await prepareMetricExport(process.env, told);
  const traces = await startTraceExport(process.env, told);
  if (traces !== null) print(`traces go to ${traces.description}`);
  if (metricExport !== null) print(`metrics go to ${metricExport.description}`);
  const simulation = options.simulate === true ? await simulate() : null;
  try {
    const used = simulation === null ? config : simulated(config, simulation.simulator);
    await run(options, used, { simulation, metricExport }, outputs, signal);
  } finally {
    await simulation?.simulator.close();
    await traces?.stop();
  }
}

/** A Bridge, and the calls that its traffic consists of. */
interface Simulation {
  readonly simulator: Simulator;
  readonly reports: LiveReports;
}

async function simulate(): Promise<Simulation> {
  const reports = new LiveReports({ participant: SIMULATED_PARTICIPANT, clock: systemClock });
  const simulator = await startSimulator({
    scenario: 'lively',
    startAt: beginningAfter(systemClock.now()),
    onAnswered: (participant, answered) => reports.take(participant, answered),
  });
  return { simulator, reports };
}

/** Of two places for the data one is used, and it is said which is not. */
function tellIgnored({ simulate = false, dataDir }: StartOptions): void {
  const { DATABASE_URL, DATABASE_URL_FILE } = process.env;
  if (!DATABASE_URL && !DATABASE_URL_FILE) return;
  const configured = process.env['DATA_DIR'] ?? '';
  const folder = dataDir ?? (configured === '' ? '.balde' : configured);
  if (simulate)
    tellLine(
      `DATABASE_URL is not used with --simulate; other commands show what is simulated with --data-dir ${folder}`,
    );
  else if (dataDir !== undefined) tellLine('DATABASE_URL is not used: --data-dir is given');
}

interface Beside {
  readonly simulation: Simulation | null;
  readonly metricExport: MetricExport | null;
}

async function run(
  { roles }: StartOptions,
  config: Config,
  { simulation, metricExport }: Beside,
  { print, logger }: Outputs,
  signal: AbortSignal,
): Promise<void> {
  const pulsarLogger = logger.child({ from: 'pulsar' });
  const storage = await openStorage(config, {
    judging: config,
    ...(roles.includes('poller') ? { source: simulation === null ? 'bridge' : 'simulator' } : {}),
    patienceMs: PATIENCE_MS,
    signal,
    onWaiting: tellOnce((error) => logger.warn({ error }, 'waiting for the database and the log')),
    onNotice: (text) => print(`notice: ${text}`),
    onMended: (message) => logger.warn(message),
    pulsarLog: (level, message) => pulsarLogger[PULSAR_LEVELS[level]](message),
  }).catch((error: unknown) => {
    if (signal.aborted) return null;
    throw error;
  });
  // Told to stop while waiting for the database: nothing was under way.
  if (storage === null) return;
  try {
    if (config.databaseUrl === null) await markContinued(config.dataDir, new Date());
    announce(config, storage, roles, simulation !== null, print);
    const publishing = simulation === null ? null : { ...simulation, log: storage.log, logger };
    const told = { ...tellingOf(print, simulation), metricExport, sites: sitesOf, intake: intakeOf };
    const tasks: Task[] = [async (stop) => await runRoles({ config, storage, roles, logger, ...told }, stop)];
    if (roles.includes('relay')) tasks.push(async (stop) => await printAlerts(storage, { print, logger }, stop));
    if (publishing !== null) tasks.push(async (stop) => await publishing.reports.run(publishing, stop));
    await runTogether(tasks, signal);
    await publishing?.reports.finish(publishing);
    print('stopped: what was read is committed');
  } finally {
    await storage.close();
  }
}

function tellingOf(print: Outputs['print'], simulation: Simulation | null) {
  const tellPolled = tellFirstPoll(print);
  return {
    onServing: (url: string): void => {
      print(`  page       ${url}/`);
      print(`  metrics    ${url}/metrics`);
    },
    onPublished: (participant: string, observations: number): void => {
      simulation?.reports.polled();
      tellPolled(participant, observations);
    },
    onNotice: (text: string): void => print(`warning: ${text}`),
    onStandby: tellStandby(),
  };
}

/** Simulated observations never go into a configured database or broker: only into the embedded ones. */
const simulated = (config: Config, { address }: Simulator): Config => ({
  ...config,
  databaseUrl: null,
  pulsar: null,
  participants: [{ participant: SIMULATED_PARTICIPANT, bridge: { address, tls: null } }],
});

/** It only watches: whatever ends it, the roles go on. */
async function printAlerts({ log }: Storage, { print, logger }: Outputs, signal: AbortSignal): Promise<void> {
  try {
    await tail(log, RATE_LIMIT_ALERTS, (event) => print(alertEventText(event)), signal);
  } catch (err) {
    logger.warn({ err }, 'alerts are no longer shown here; "balde alerts" shows them');
  }
}
