/** Commands that only pretend, in a folder that stands for the whole PATH. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export interface FakeMachine {
  /** Environment in which nothing is found but the fakes; its cache is empty. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** A JDK 17 that compiles anything and whose broker ends at once. */
export const JAVA_17 = `case "$*" in
  -version) echo 'openjdk version "17.0.15" 2025-04-15' >&2 ;;
  *jdk.compiler*) exit 0 ;;
  *) echo 'ERROR the disk is on fire'; echo '	at some.Class.method(Class.java:1)'; exit 1 ;;
esac`;

/** A Maven that counts its runs in $COUNT and delivers the broker's jar. */
export const MAVEN = `echo run >> "$COUNT"
/bin/sleep 0.3
for argument in "$@"; do case "$argument" in
  -DoutputDirectory=*) : > "\${argument#-DoutputDirectory=}/pulsar-broker-4.0.7.jar" ;;
esac; done`;

/** @param commands name → shell script */
export async function fakeMachine(commands: Readonly<Record<string, string>>): Promise<FakeMachine> {
  const folder = await temporaryFolder();
  const path = join(folder, 'bin');
  await mkdir(path);
  for (const [name, script] of Object.entries(commands)) {
    await writeFile(join(path, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(path, name), 0o755);
  }
  const env = { PATH: path, BALDE_CACHE_DIR: join(folder, 'cache'), COUNT: join(folder, 'count') };
  return { env, folder };
}

const made: string[] = [];
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true });
});

/** Removed after the file's tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-broker-test-'));
  made.push(folder);
  return folder;
}
