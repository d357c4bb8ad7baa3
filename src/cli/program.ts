/** All commands. */
import { Command } from 'commander';
import { packageVersion } from '../packageRoot.ts';

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.ts')).startCommand(),
  simulate: async () => (await import('./commands/simulate.ts')).simulateCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  alerts: async () => (await import('./commands/alerts.ts')).alertsCommand(),
  forecast: async () => (await import('./commands/forecast.ts')).forecastCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  state: async () => (await import('./commands/state.ts')).stateCommand(),
  history: async () => (await import('./commands/history.ts')).historyCommand(),
  'what-if': async () => (await import('./commands/whatIf.ts')).whatIfCommand(),
  plan: async () => (await import('./commands/plan.ts')).planCommand(),
  consumers: async () => (await import('./commands/consumers.ts')).consumersCommand(),
  policies: async () => (await import('./commands/policies.ts')).policiesCommand(),
  outcomes: async () => (await import('./commands/outcomes.ts')).outcomesCommand(),
  lag: async () => (await import('./commands/lag.ts')).lagCommand(),
  checkpoints: async () => (await import('./commands/checkpoints.ts')).checkpointsCommand(),
  namespace: async () => (await import('./commands/namespace.ts')).namespaceCommand(),
  'dead-letters': async () => (await import('./commands/deadLetters.ts')).deadLettersCommand(),
  rebuild: async () => (await import('./commands/rebuild.ts')).rebuildCommand(),
  projections: async () => (await import('./commands/projections.ts')).projectionsCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  archive: async () => (await import('./commands/archive.ts')).archiveCommand(),
  export: async () => (await import('./commands/export.ts')).exportCommand(),
  metrics: async () => (await import('./commands/metrics.ts')).metricsCommand(),
  retention: async () => (await import('./commands/retention.ts')).retentionCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
};

/**
 * A command that is named is loaded alone: half of the time of a short one is loading what it doesn't need.
 * @param args of the command line, without the program
 */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command('balde')
    .description('Watches the DICT rate-limit buckets of a Pix participant and raises alerts before they empty.')
    .version(packageVersion())
    .showHelpAfterError();
  const [named = ''] = args;
  const load = Object.hasOwn(COMMANDS, named) ? COMMANDS[named] : undefined;
  for (const one of load === undefined ? Object.values(COMMANDS) : [load]) program.addCommand(await one());
  return program;
}
