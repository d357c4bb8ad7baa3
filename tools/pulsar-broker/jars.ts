/** The broker's jars and its compiled starter, in a cache outside the project: fetched once for all checkouts. */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { packageRoot } from '../../src/packageRoot.ts';
import { withLock } from '../pulsar-binding/lock.ts';
import { BrokerError } from './errors.ts';
import { compileJava, copyJars, pathDelimiter } from './programs.ts';
import type { Environment } from './programs.ts';

/** Files of this tool that are no code: they stay in the source folder. */
export const toolFolder: string = join(packageRoot, 'tools', 'pulsar-broker');

const BROKER_VERSION = '4.0.7';

export interface JarOptions {
  readonly env: Environment;
  /** The program to compile with. */
  readonly java: string;
  readonly report: (line: string) => void;
}

/** `$BALDE_CACHE_DIR`, else `$XDG_CACHE_HOME/balde`, else `~/.cache/balde`; in it the folder of this tool. */
function cacheFolder(env: Environment): string {
  const given = env['BALDE_CACHE_DIR'];
  if (given !== undefined && given !== '') return resolve(given, 'pulsar-broker');
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && xdg !== '' ? xdg : join(homedir(), '.cache'), 'balde', 'pulsar-broker');
}

/** Class path that has `Standalone` and Pulsar, fetched and compiled if need be. @throws {BrokerError} */
export async function ensureClassPath(options: JarOptions): Promise<string> {
  const cache = cacheFolder(options.env);
  const jarFolder = join(cache, BROKER_VERSION);
  const sources = ['Standalone.java', 'TornJournal.java'].map((name) => join(toolFolder, name));
  const hash = createHash('sha256');
  for (const source of sources) hash.update(await readFile(source));
  const classFolder = join(cache, `starter-${BROKER_VERSION}-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(jarFolder) || !existsSync(classFolder)) {
    await makeCache(cache);
    // Maven's own repository bears no two writers either.
    await withLock(join(cache, 'lock'), { report: () => options.report(WAITING) }, async () => {
      await fillOnce(jarFolder, async (draft) => await fetchJars(options, draft));
      await fillOnce(classFolder, async (draft) => {
        await compileJava(options.env, options.java, sources, await jarsIn(jarFolder), draft);
      });
    });
  }
  return [classFolder, ...(await jarsIn(jarFolder))].join(pathDelimiter);
}

const WAITING = 'another process is fetching the broker: waiting for it';

async function makeCache(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new BrokerError(
      'cache-not-writable',
      `The cache folder ${folder} can't be written. Set BALDE_CACHE_DIR to a folder that can.`,
      { cause },
    );
  }
}

/** Only a whole folder gets the name: killed in the middle, the next run begins anew. */
async function fillOnce(folder: string, fill: (draft: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const draft = `${folder}-draft-${randomUUID()}`;
  try {
    await mkdir(draft);
    await fill(draft);
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function fetchJars({ env, report }: JarOptions, draft: string): Promise<void> {
  report(`fetching Pulsar ${BROKER_VERSION} with Maven (235 MB, once for this machine)`);
  await copyJars(env, join(toolFolder, 'pom.xml'), draft);
  if (existsSync(join(draft, `pulsar-broker-${BROKER_VERSION}.jar`))) return;
  throw new BrokerError(
    'download-failed',
    `Maven reported success but gave no pulsar-broker-${BROKER_VERSION}.jar. ` +
      `Remove ~/.m2/repository/org/apache/pulsar and try again.`,
  );
}

/** Sorted: the order decides which of two classes of the same name is used. */
async function jarsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jar')).sort();
  return names.map((name) => join(folder, name));
}
