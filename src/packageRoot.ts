/**
 * Where the package is: the code runs from `src/` in tests and from `dist/src/` when built; the data files stay put.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findUp(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error('package.json not found above the program: the installation is damaged');
  return findUp(parent);
}

/** Of package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** Absolute path of the folder that holds package.json, proto/, schemas/ and migrations/. */
export const packageRoot: string = findUp(dirname(fileURLToPath(import.meta.url)));
