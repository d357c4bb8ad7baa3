/** Which test files need the broker, told from what they import: without any of them it is not started. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BROKER = fileURLToPath(new URL('pulsar.ts', import.meta.url));
const TESTS = join(dirname(BROKER), '..');
const IMPORT = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** Whether one of the test files imports test/support/pulsar.ts, itself or through other files of test/. */
export async function anyNeedsBroker(testFiles: readonly string[]): Promise<boolean> {
  const seen = new Set(testFiles);
  for (const file of seen) {
    if (file === BROKER) return true;
    if (!file.startsWith(TESTS) || !existsSync(file)) continue;
    for (const [, path] of (await readFile(file, 'utf8')).matchAll(IMPORT)) {
      if (path !== undefined) seen.add(join(dirname(file), path));
    }
  }
  return false;
}
