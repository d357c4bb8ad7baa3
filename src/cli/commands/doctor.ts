/** `balde doctor`: checks everything that can be checked from here, and says what to do. */
import type { Command } from 'commander';
import { examine } from '../../operate/doctor/doctor.ts';
import { hasFailed } from '../../operate/doctor/finding.ts';
import { plainCommand } from '../command.ts';
import { findingsJson, findingsText } from '../render/findings.ts';
import { stopSignal } from '../signals.ts';

const HELP = `
Checks configuration, database, schema, event log, retention, freshness, each participant's Bridge, clocks and the poll
schedule. The call to a Bridge costs one token of POLICIES_LIST, as a poll does. Beside npm start, where observations are
simulated, no participant and no Bridge are needed. Exits 1 if any check fails.`;

export const doctorCommand = (): Command =>
  plainCommand({
    name: 'doctor',
    description: 'check the configuration, database, event log, Bridges, clocks and poll schedule',
    help: HELP,
    run: async ({ options: { config: configFile, dataDir } }) => await examine({ configFile, dataDir }, stopSignal()),
    text: findingsText,
    json: findingsJson,
    exitCode: (findings) => (hasFailed(findings) ? 1 : 0),
  });
