/** The lane in which a test file runs, told from what it imports: so it can't be in the wrong one. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const LANES = ['unit', 'postgres', 'pulsar', 'faults'] as const;
export type Lane = (typeof LANES)[number];

/** What takes minutes and runs with the campaigns alone. */
export const TRIALS = 'test/**/*.trial.ts';

/** The campaigns of faults, which `npm run test:campaign` runs at full length. */
export const CAMPAIGNS: readonly string[] = ['kill', 'kill.pulsar', 'pulsarFaults'].map((name) =>
  join('test', 'faults', `${name}.test.ts`),
);

const SUPPORT = dirname(fileURLToPath(import.meta.url));
const TESTS = dirname(SUPPORT);
const IMPORT = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** What starts a broker, or compiles its client. */
const isOfPulsar = (path: string): boolean =>
  (dirname(path) === SUPPORT && path.includes('pulsar')) || path === join(TESTS, 'tools', 'pulsarBindingProject.ts');
/** What starts a database, or the built program, which mostly does; and a browser, which is no less. */
const isOfPostgres = (path: string): boolean =>
  path === join(SUPPORT, 'database.ts') ||
  path === join(SUPPORT, 'running.ts') ||
  path === join(SUPPORT, 'chromium.ts') ||
  path === join(TESTS, 'cli', 'balde.ts') ||
  path.endsWith(join('store', 'embeddedPostgres.ts'));

/** The broker of the whole run is that of test/support/pulsar.ts. */
const BROKER = join(SUPPORT, 'pulsar.ts');

export function laneOf(testFile: string): Lane {
  if (testFile.startsWith(join(TESTS, 'faults') + sep)) return 'faults';
  const imports = [...importsOf([testFile])];
  if (imports.some(isOfPulsar)) return 'pulsar';
  return imports.some(isOfPostgres) ? 'postgres' : 'unit';
}

/** Whether one of the test files uses the broker of the run. */
export const needsBroker = (testFiles: readonly string[]): boolean => importsOf(testFiles).has(BROKER);

/** @returns absolute paths */
export const filesOf = (lane: Lane): string[] =>
  readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join(TESTS, path))
    .filter((file) => laneOf(file) === lane);

/** The files themselves, and what they import: files of test/ with their own imports, others without. */
function importsOf(testFiles: readonly string[]): ReadonlySet<string> {
  const seen = new Set(testFiles);
  for (const file of seen) {
    if (!file.startsWith(TESTS) || !existsSync(file)) continue;
    for (const [, path] of readFileSync(file, 'utf8').matchAll(IMPORT))
      if (path !== undefined) seen.add(join(dirname(file), path));
  }
  return seen;
}
