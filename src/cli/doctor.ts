/** `balde doctor`: checks everything that can be checked from here, and says what to do. */
import { Command } from 'commander';
import { inspectConfig } from '../config/config.ts';
import type { Inspection } from '../config/config.ts';
import { jsonOption, printJson, printLine, stopSignal, withStorageOptions } from './common.ts';
import type { CommonOptions } from './common.ts';
import { checkBridge } from './doctor/bridgeChecks.ts';
import { checkOwner } from './doctor/ownerCheck.ts';
import { checkPulsar } from './doctor/pulsarChecks.ts';
import { fail, ok, warn } from './doctor/finding.ts';
import type { Finding } from './doctor/finding.ts';
import { checkSchedule } from './doctor/schedule.ts';
import { checkStorage } from './doctor/storageChecks.ts';
import type { StorageFindings } from './doctor/storageChecks.ts';

const HELP = `
Checks configuration, database, schema, event log, retention, freshness, each participant's Bridge, clocks and the poll
schedule. The call to a Bridge costs one token of POLICIES_LIST, as a poll does. Exits 1 if any check fails.`;

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
  const inspection = inspectConfig(process.env, { configFile: options.config, dataDir: options.dataDir });
  const { config } = inspection;
  const [storage, pulsar, owner, ...bridges] = await Promise.all([
    examineStorage(inspection, options),
    config.pulsar === null ? [] : checkPulsar(config.pulsar, config.retentionMonths),
    examineOwner(inspection, options),
    ...config.participants.map(async (entry) => await checkBridge(entry, signal)),
  ]);
  const answered = bridges.flatMap(({ policies }) => policies);
  return [
    configurationFinding(inspection),
    ...inspection.warnings.map((warning) =>
      warn('configuration', warning, 'Correct it, or unset the variable.'),
    ),
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
async function examineStorage(
  { config, databaseKnown }: Inspection,
  { dataDir }: CommonOptions,
): Promise<StorageFindings> {
  if (dataDir !== undefined) return await checkStorage({ ...config, databaseUrl: null });
  if (databaseKnown) return await checkStorage(config);
  const skipped = warn(
    'database',
    'not checked: the configuration does not say which',
    'Correct the configuration.',
  );
  return { findings: [skipped], policies: [] };
}

async function examineOwner(
  { config, databaseKnown }: Inspection,
  { dataDir }: CommonOptions,
): Promise<Finding[]> {
  if (dataDir !== undefined) return await checkOwner({ ...config, databaseUrl: null });
  return databaseKnown ? await checkOwner(config) : [];
}

function configurationFinding({ problems, config: { participants } }: Inspection): Finding {
  if (problems.length > 0) return fail('configuration', problems.join('\n'), 'Correct what is listed.');
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
