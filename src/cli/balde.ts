#!/usr/bin/env node
/** The command line: `balde --help`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../packageRoot.ts';
import { alertsCommand } from './alerts.ts';
import { checkpointsCommand } from './checkpoints.ts';
import { fail } from './common.ts';
import { deadLettersCommand } from './deadLetters.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { lagCommand } from './lag.ts';
import { metricsCommand } from './metrics.ts';
import { migrateCommand } from './migrate.ts';
import { retentionCommand } from './retention.ts';
import { simulateCommand } from './simulate.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';

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
  .addCommand(lagCommand())
  .addCommand(checkpointsCommand())
  .addCommand(deadLettersCommand())
  .addCommand(exportCommand())
  .addCommand(metricsCommand())
  .addCommand(retentionCommand())
  .addCommand(doctorCommand());

await program.parseAsync().catch(fail);
// What the Pulsar client leaves behind would keep a process alive that has nothing left to do.
if (process.stdout.writableLength === 0) process.exit();
process.stdout.once('drain', () => process.exit());
