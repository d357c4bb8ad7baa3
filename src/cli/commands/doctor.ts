/** `balde doctor`: checks everything that can be checked from here, and says what to do. */
import { Command } from 'commander';
import { inspectConfig, NO_PARTICIPANT } from '../../config/config.ts';
import type { Config, Inspection, Overrides } from '../../config/config.ts';
import { jsonOption, printJson, printLine, stopSignal, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { checkBridge } from '../../operate/doctor/bridgeChecks.ts';
import { checkOwner } from '../../operate/doctor/ownerCheck.ts';
import { checkPulsar } from '../../operate/doctor/pulsarChecks.ts';
import { fail, ok, warn } from '../../operate/doctor/finding.ts';
import type { Finding } from '../../operate/doctor/finding.ts';
import { checkSchedule } from '../../operate/doctor/schedule.ts';
import { findSource, sourceFindings } from '../../operate/doctor/source.ts';
import { checkStorage } from '../../operate/doctor/storageChecks.ts';
import type { StorageFindings } from '../../operate/doctor/storageChecks.ts';
import { SIMULATED_DEFAULTS } from '../options/parsers.ts';

const HELP = `
Checks configuration, database, schema, event log, retention, freshness, each participant's Bridge, clocks and the poll
schedule. The call to a Bridge costs one token of POLICIES_LIST, as a poll does. Beside npm start, where observations are
simulated, no participant and no Bridge are needed. Exits 1 if any check fails.`;

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('check the configuration, database, event log, Bridges, clocks and poll schedule')
    .addOption(jsonOption())
    .addHelpText('after', HELP);
  return withStorageOptions(command).action(async (options: CommonOptions) => await doctor(options));
}

async function doctor(options: CommonOptions): Promise<void> {
  const findings = await examine(options, stopSignal());
  const failed = findings.some(({ status }) => status === 'fail');
  if (options.json === true) printJson({ ok: !failed, checks: findings });
  else for (const line of text(findings)) printLine(line);
  if (failed) process.exitCode = 1;
}

async function examine(options: CommonOptions, signal: AbortSignal): Promise<Finding[]> {
  const overrides = { configFile: options.config, dataDir: options.dataDir };
  const inspection = inspectConfig(process.env, overrides);
  const target = databaseOf(inspection, options);
  // Kept open meanwhile: an embedded server is started once.
  const { source, close } = await findSource(target);
  try {
    const isSimulated = source === 'simulator' && inspection.problems.includes(NO_PARTICIPANT);
    if (!isSimulated)
      return [...(await examineAll(inspection, target, signal)), ...sourceFindings(source, inspection.config)];
    const simulated = asSimulated(overrides);
    return await examineAll(simulated, databaseOf(simulated, options), signal, true);
  } finally {
    await close();
  }
}

/** As `balde start --simulate` would have it: it polls nobody else, and uses no other log than its own. */
function asSimulated(overrides: Overrides): Inspection {
  const inspection = inspectConfig(process.env, {
    ...overrides,
    withoutParticipants: true,
    defaults: SIMULATED_DEFAULTS,
  });
  return { ...inspection, config: { ...inspection.config, pulsar: null } };
}

async function examineAll(
  inspection: Inspection,
  target: Config | null,
  signal: AbortSignal,
  isSimulated = false,
): Promise<Finding[]> {
  const { config } = inspection;
  const [storage, pulsar, owner, ...bridges] = await Promise.all([
    target === null ? NOT_CHECKED : checkStorage(target, isSimulated),
    config.pulsar === null ? [] : checkPulsar(config.pulsar, config.retentionMonths),
    target === null ? [] : checkOwner(target),
    ...config.participants.map(async (entry) => await checkBridge(entry, signal)),
  ]);
  const answered = bridges.flatMap(({ policies }) => policies);
  return [
    configurationFinding(inspection, isSimulated),
    ...inspection.warnings.map((warning) => warn('configuration', warning, 'Correct it, or unset the variable.')),
    ...storage.findings,
    ...pulsar,
    ...owner,
    ...bridges.flatMap(({ findings }) => findings),
    ...checkSchedule({
      schedule: config.poll.schedule,
      staleAfterMs: config.staleAfterMs,
      policies: answered.length > 0 ? answered : storage.policies,
      now: Date.now(),
    }),
  ];
}

/** A database named wrongly is not replaced by the default one: checking another says nothing. */
function databaseOf({ config, databaseKnown }: Inspection, { dataDir }: CommonOptions): Config | null {
  if (dataDir !== undefined) return { ...config, databaseUrl: null };
  return databaseKnown ? config : null;
}

const NOT_CHECKED: StorageFindings = {
  findings: [warn('database', 'not checked: the configuration does not say which', 'Correct the configuration.')],
  policies: [],
};

function configurationFinding({ problems, config: { participants } }: Inspection, isSimulated: boolean): Finding {
  if (problems.length > 0) return fail('configuration', problems.join('\n'), 'Correct what is listed.');
  if (isSimulated)
    return ok(
      'configuration',
      'valid; the observations here are those of the simulator (start --simulate, demo): no participant and no Bridge are needed, and none was checked',
    );
  return ok('configuration', `valid; polls ${participants.map((p) => p.participant).join(', ')}`);
}

/** One block per check, what to do below what was found. */
function text(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(width + 8);
  const blocks = findings.map(({ check, status, detail, remedy }) => {
    const head = `${status.padEnd(4)}  ${check.padEnd(width)}  ${detail.replaceAll('\n', `\n${indent}`)}`;
    return remedy === null ? head : `${head}\n${indent}→ ${remedy}`;
  });
  const count = (status: Finding['status']): number => findings.filter((f) => f.status === status).length;
  return [
    ...blocks,
    '',
    `${count('ok')} ok, ${count('warn')} ${count('warn') === 1 ? 'warning' : 'warnings'}, ${count('fail')} failed`,
  ];
}
