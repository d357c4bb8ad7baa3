/** Throw-away projects with their own copy of the npm package pulsar-client, and commands that only pretend. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { packageRoot } from '../../src/packageRoot.ts';

export interface TestProject {
  root: string;
  /** node_modules/pulsar-client: a copy without addon and trust file. */
  packageFolder: string;
  cacheFolder: string;
  /** A folder for {@link fakeCommand}. */
  bin: string;
  remove: () => void;
}

/** The other packages are symbolic links to this project's. */
export function makeProject(): TestProject {
  const root = mkdtempSync(join(tmpdir(), 'balde-binding-'));
  const from = join(packageRoot, 'node_modules');
  const modules = join(root, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(from)) {
    if (name !== 'pulsar-client' && !name.startsWith('.')) symlinkSync(join(from, name), join(modules, name));
  }
  const packageFolder = join(modules, 'pulsar-client');
  cpSync(join(from, 'pulsar-client'), packageFolder, {
    recursive: true,
    filter: (source) => !/pulsar-client\/(lib|src\/cert\.pem)$/.test(source),
  });
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(packageRoot, name), join(root, name));
  const bin = join(root, 'bin');
  mkdirSync(bin);
  return {
    root,
    packageFolder,
    cacheFolder: join(root, 'cache'),
    bin,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Puts a shell script under the name of a command into `bin`. */
export function fakeCommand(bin: string, name: string, script: string): void {
  const file = join(bin, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** An environment in which only the commands in `bin` exist, or, with `rest`, in which they come first. */
export function pathOf(bin: string, rest = false): NodeJS.ProcessEnv {
  return { ...process.env, PATH: rest ? `${bin}${delimiter}${process.env['PATH'] ?? ''}` : bin };
}
