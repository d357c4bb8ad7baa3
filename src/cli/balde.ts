#!/usr/bin/env node
/** The command line: `balde --help`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../packageRoot.ts';
import { alertsCommand } from './alerts.ts';
import { archiveCommand } from './archive.ts';
import { checkpointsCommand } from './checkpoints.ts';
import { fail } from './common.ts';
import { deadLettersCommand } from './deadLetters.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { explainCommand } from './explain.ts';
import { historyCommand } from './history.ts';
import { lagCommand } from './lag.ts';
import { metricsCommand } from './metrics.ts';
import { migrateCommand } from './migrate.ts';
import { projectionsCommand } from './projections.ts';
import { rebuildCommand } from './rebuild.ts';
import { retentionCommand } from './retention.ts';
import { simulateCommand } from './simulate.ts';
import { startCommand } from './start.ts';
import { stateCommand } from './state.ts';
import { statusCommand } from './status.ts';
import { verifyCommand } from './verify.ts';
import { whatIfCommand } from './whatIf.ts';

const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
};

const program = new Command('balde')
  .description(
    'Watches the DICT rate-limit buckets of a Pix participant and raises alerts before they empty.',
  )
  .version(version)
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
  .addCommand(lagCommand())
  .addCommand(checkpointsCommand())
  .addCommand(deadLettersCommand())
  .addCommand(rebuildCommand())
  .addCommand(projectionsCommand())
  .addCommand(verifyCommand())
  .addCommand(archiveCommand())
  .addCommand(exportCommand())
  .addCommand(metricsCommand())
  .addCommand(retentionCommand())
  .addCommand(doctorCommand());

await program.parseAsync().catch(fail);
// What the Pulsar client leaves behind would keep a process alive that has nothing left to do.
if (process.stdout.writableLength === 0) process.exit();
process.stdout.once('drain', () => process.exit());
