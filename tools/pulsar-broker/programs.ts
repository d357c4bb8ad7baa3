/** Java and Maven of this machine. */
import { join } from 'node:path';
import { run } from '../pulsar-binding/run.ts';
import { BrokerError, lastLines } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const OLDEST_JAVA = 17;
const JAVA_TIMEOUT_MS = 30_000;
const MAVEN_TIMEOUT_MS = 15 * 60_000;
const COMPILE_TIMEOUT_MS = 2 * 60_000;
const HOW_TO_JAVA =
  `Install a JDK, version ${OLDEST_JAVA} or newer (Debian: apt-get install openjdk-17-jdk-headless), ` +
  'or set JAVA_HOME to the folder of one.';

/**
 * The `java` to run: that of JAVA_HOME where it is set, else the one on the PATH. @throws {BrokerError} none, too old
 */
export async function findJava(env: Environment): Promise<string> {
  const home = env['JAVA_HOME'];
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
  const where = java === 'java' ? 'on the PATH' : `at ${java}, where JAVA_HOME points`;
  const { ok, missing, output } = await run(java, ['-version'], { env, timeoutMs: JAVA_TIMEOUT_MS });
  if (missing) throw new BrokerError('no-java', `No Java ${where}. ${HOW_TO_JAVA}`);
  // "17.0.15", and "1.8.0_402" before version 9
  const [, major, minor] = /version "(\d+)(?:\.(\d+))?/.exec(output) ?? [];
  if (!ok || major === undefined) {
    throw new BrokerError(
      'no-java',
      `The java ${where} does not say its version:\n${lastLines(output, 5)}\n${HOW_TO_JAVA}`,
    );
  }
  const version = Number(major === '1' ? minor : major);
  if (version < OLDEST_JAVA) {
    throw new BrokerError('old-java', `The java ${where} is version ${version}. ${HOW_TO_JAVA}`);
  }
  return java;
}

/** Copies the jars that `pomFile` names into `folder`, from where this machine's Maven gets its artifacts. */
export async function copyJars(env: Environment, pomFile: string, folder: string): Promise<void> {
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
  const { ok, missing, timedOut, output } = await run('mvn', ['-B', '-q', '-f', pomFile, ...goal], {
    env,
    timeoutMs: MAVEN_TIMEOUT_MS,
  });
  if (missing) {
    throw new BrokerError(
      'no-maven',
      'No Maven on the PATH: it fetches the broker once. Install it (Debian: apt-get install maven).',
    );
  }
  if (ok) return;
  const how = timedOut ? `was not done after ${MAVEN_TIMEOUT_MS / 60_000} minutes` : 'failed';
  throw new BrokerError(
    'download-failed',
    `Maven could not fetch the broker: it ${how}. Its last lines:\n${lastLines(plain(output), 12)}\n` +
      'Check that this machine reaches a Maven repository. Behind a proxy or with a repository of your own, name it in ' +
      '~/.m2/settings.xml. Then try again: what was fetched is kept.',
  );
}

/** Compiles one Java source file into `folder`. */
export async function compileJava(
  env: Environment,
  java: string,
  sources: readonly string[],
  jars: readonly string[],
  folder: string,
): Promise<void> {
  const compiler = ['-m', 'jdk.compiler/com.sun.tools.javac.Main', '--release', String(OLDEST_JAVA)];
  const args = [...compiler, '-proc:none', '-d', folder, '-cp', jars.join(pathDelimiter), ...sources];
  const { ok, output } = await run(java, args, { env, timeoutMs: COMPILE_TIMEOUT_MS });
  if (ok) return;
  const cause = output.includes('jdk.compiler')
    ? 'This Java is a runtime without compiler.'
    : `Its compiler refused ${sources.join(', ')}:\n${lastLines(output, 12)}`;
  throw new BrokerError('no-compiler', `The starter of the broker can't be compiled. ${cause} ${HOW_TO_JAVA}`);
}

export const pathDelimiter = process.platform === 'win32' ? ';' : ':';

/** Without the colours that Maven writes even into a pipe. */
const plain = (text: string): string => text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');
