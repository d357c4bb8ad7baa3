/** A demonstration's own folder: only such a folder is replaced by the next one. */
import { constants, existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { isServing, removeServer } from '../app/databaseServer.ts';
import { UsageError } from '../errors.ts';
import { assertOwnFolder, ownUsers } from '../store/ownFolder.ts';

const DEMO_MARKER = 'demo.json';

interface Marker {
  /** When something else than a demonstration began to add to the folder. */
  readonly continued?: string;
}

const read = (folder: string): Marker => {
  try {
    return JSON.parse(readFileSync(join(folder, DEMO_MARKER), 'utf8')) as Marker;
  } catch {
    return {};
  }
};

const continuedSince = (folder: string): string | null => read(folder).continued ?? null;

/** Called before anything is added to what a demonstration left in the folder. */
export async function markContinued(folder: string, now: Date): Promise<void> {
  const file = join(folder, DEMO_MARKER);
  if (!existsSync(file) || continuedSince(folder) !== null) return;
  const text = `${JSON.stringify({ ...read(folder), continued: now.toISOString() })}\n`;
  await writeFile(file, text, { flag: constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW });
}

/** Started by root, the server runs as another user, who must be able to pass through. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-demo-'));
  await chmod(folder, 0o755);
  return folder;
}

/** What a demonstration makes in its folder. */
const OWN_NAMES: ReadonlySet<string> = new Set([DEMO_MARKER, 'postgres', 'pulsar']);

export interface NextDemo {
  readonly seed: number;
  /** `null`: as many as there is traffic for. */
  readonly days: number | null;
  /** Whether what balde start has added to an earlier demonstration may go. */
  readonly yes?: boolean;
  /** Told before an earlier demonstration is removed. */
  readonly onReplacing: (folder: string) => void;
}

/** An earlier demonstration's folder is emptied; what was added to it since only when told to, anything else never. */
export async function prepareFolder(folder: string, { seed, days, yes, onReplacing }: NextDemo): Promise<void> {
  assertOwnFolder(folder, ownUsers());
  if (existsSync(join(folder, DEMO_MARKER))) {
    if (isServing(folder)) {
      throw new UsageError(`${folder} is in use: stop the Balde that runs on it, or give --data-dir another folder`);
    }
    await assertReplaceable(folder, yes === true);
    onReplacing(folder);
    await removeFolder(folder);
  } else if (existsSync(folder) && (await readdir(folder)).length > 0) {
    throw new UsageError(`${folder} is not empty and holds no demonstration: give --data-dir another folder`);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, DEMO_MARKER), `${JSON.stringify({ seed, days })}\n`, { flag: 'wx' });
}

async function assertReplaceable(folder: string, yes: boolean): Promise<void> {
  const others = (await readdir(folder)).filter((name) => !OWN_NAMES.has(name));
  if (others.length > 0)
    throw new UsageError(
      `${folder} also holds ${others.join(', ')}, which no demonstration made: move that away, or give --data-dir another folder`,
    );
  const since = continuedSince(folder);
  if (since !== null && !yes)
    throw new UsageError(
      `${folder} holds more than a demonstration: balde start has added to it since ${since}. To throw all of it away, add --yes; to keep it, give --data-dir another folder`,
    );
}

export async function removeFolder(folder: string): Promise<void> {
  await removeServer(folder);
  await rm(folder, { recursive: true, force: true });
}
