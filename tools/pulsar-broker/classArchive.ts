/**
 * The broker's classes as Java keeps them in memory, in a file of the cache: a start that maps them instead of reading
 * and checking twenty thousand takes two thirds of the CPU time. Java itself looks whether the file fits, and does
 * without it otherwise.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withLock } from '../pulsar-binding/lock.ts';
import { run } from '../pulsar-binding/run.ts';
import { pathDelimiter } from './programs.ts';
import type { Environment } from './programs.ts';

export interface ClassArchive {
  /** The class path that it was made of. */
  readonly classPath: string;
  readonly file: string;
}

export interface ArchiveOptions {
  readonly env: Environment;
  readonly java: string;
  /** As `ensureClassPath` gives it: the folder of the starter, then jars. */
  readonly classPath: string;
  /** Starts a broker and stops it in order, which makes Java write the archive. */
  readonly train: (archive: ClassArchive) => Promise<void>;
  readonly report: (line: string) => void;
}

const TIMEOUT_MS = 60_000;

/** Makes it at the first call on this machine. @returns `null` where there is none: a start does without it */
export async function ensureClassArchive(options: ArchiveOptions): Promise<ClassArchive | null> {
  const { java, env, classPath, report } = options;
  const { output } = await run(java, ['-version'], { env, timeoutMs: TIMEOUT_MS });
  const key = createHash('sha256').update(`${output}\n${classPath}`).digest('hex').slice(0, 12);
  const [starter = '', ...jars] = classPath.split(pathDelimiter);
  const folder = join(dirname(starter), `classes-${key}`);
  // Java takes no folders, only jars.
  const jar = join(folder, 'starter.jar');
  const archive = { file: join(folder, 'classes.jsa'), classPath: [jar, ...jars].join(pathDelimiter) };
  try {
    if (!existsSync(archive.file)) {
      await mkdir(folder, { recursive: true });
      await withLock(join(folder, 'lock'), { report }, async () => await make(options, archive, jar));
    }
    return statSync(archive.file).size > 0 ? archive : null;
  } catch {
    return null;
  }
}

/** Only a whole archive gets the name. A try that fails leaves an empty one: it would fail the next time, too. */
async function make(options: ArchiveOptions, archive: ClassArchive, jar: string): Promise<void> {
  const { java, env, classPath, train, report } = options;
  if (existsSync(archive.file)) return;
  report('keeping the classes of the broker in a file for the next starts (once for this machine)');
  const [starter = ''] = classPath.split(pathDelimiter);
  const draft = `${archive.file}-${randomUUID()}`;
  await writeFile(draft, '');
  try {
    const tool = ['-m', 'jdk.jartool/sun.tools.jar.Main', 'cf', jar, '-C', starter, '.'];
    const made = await run(java, tool, { env, timeoutMs: TIMEOUT_MS });
    if (made.ok) await train({ ...archive, file: draft });
  } finally {
    await rename(draft, archive.file);
  }
}
