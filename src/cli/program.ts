/** All commands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../packageRoot.ts';
import { alertsCommand } from './alerts.ts';
import { archiveCommand } from './archive.ts';
import { checkpointsCommand } from './checkpoints.ts';
import { deadLettersCommand } from './deadLetters.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { explainCommand } from './explain.ts';
import { historyCommand } from './history.ts';
import { lagCommand } from './lag.ts';
import { metricsCommand } from './metrics.ts';
import { migrateCommand } from './migrate.ts';
import { namespaceCommand } from './namespace.ts';
import { policiesCommand } from './policies.ts';
import { projectionsCommand } from './projections.ts';
import { rebuildCommand } from './rebuild.ts';
import { retentionCommand } from './retention.ts';
import { simulateCommand } from './simulate.ts';
import { startCommand } from './start.ts';
import { stateCommand } from './state.ts';
import { statusCommand } from './status.ts';
import { verifyCommand } from './verify.ts';
import { whatIfCommand } from './whatIf.ts';

export const createProgram = (): Command =>
  new Command('balde')
    .description('Watches the DICT rate-limit buckets of a Pix participant and raises alerts before they empty.')
    .version(versionOf())
    .showHelpAfterError()
    .addCommand(startCommand())
    .addCommand(simulateCommand())
    .addCommand(demoCommand())
    .addCommand(migrateCommand())
    .addCommand(statusCommand())
    .addCommand(alertsCommand())
    .addCommand(explainCommand())
    .addCommand(stateCommand())
    .addCommand(historyCommand())
    .addCommand(whatIfCommand())
    .addCommand(policiesCommand())
    .addCommand(lagCommand())
    .addCommand(checkpointsCommand())
    .addCommand(namespaceCommand())
    .addCommand(deadLettersCommand())
    .addCommand(rebuildCommand())
    .addCommand(projectionsCommand())
    .addCommand(verifyCommand())
    .addCommand(archiveCommand())
    .addCommand(exportCommand())
    .addCommand(metricsCommand())
    .addCommand(retentionCommand())
    .addCommand(doctorCommand());

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
