/**
 * One archiver per folder. The lock is a folder with its owner's name in it. It does not outlive its owner: a process
 * that was killed is seen to be gone on its own machine, and on others by the missing signs of life.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../clock.ts';
import { codeOf } from '../../systemErrors.ts';
import { ArchiveLockedError } from '../errors.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
  /**
   * When the process started, as the kernel counts it: a process id is given again. `null` where that can't be told.
   */
  readonly started: string | null;
  /**
   * Where its process id means something: the machine's run since it was booted, and the namespace of process ids,
   * which containers have each their own of, also under one name. Missing in what earlier versions wrote.
   */
  readonly where?: string | null;
}

export interface FolderLock {
  /** @throws {ArchiveLockedError} another process took the folder over */
  readonly assertHeld: () => void;
  release(): Promise<void>;
}

interface LockOptions {
  readonly signal: AbortSignal;
  /** Between signs of life. Milliseconds. */
  readonly beatMs?: number;
  /** Without a sign of life for this long, an owner on another machine is gone. Milliseconds. */
  readonly silentMs?: number;
}

const OWNER = 'owner.json';
/** How a system says that a folder exists: EPERM is how Windows does. */
const TAKEN: ReadonlySet<string | null> = new Set(['ENOTEMPTY', 'EEXIST', 'EPERM']);
/** Tokens of this process: a process that asks itself always answers. */
const ownTokens = new Set<string>();

/** @throws {ArchiveLockedError} another process archives into the folder */
export async function lockFolder(folder: string, options: LockOptions): Promise<FolderLock> {
  const path = join(folder, '.lock');
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    token: randomUUID(),
    started: startOf(process.pid),
    where: whereAmI(),
  };
  await mkdir(folder, { recursive: true });
  while (!(await tryTake(path, owner))) {
    const holder = await readOwner(path);
    // Released a moment ago, or without an owner: the machine stopped while it was written.
    if (holder === null && (await lastBeat(path)) === null) continue;
    if (!(await isOwnerGone(path, holder, options))) throw lockedBy(folder, holder);
    await removeLock(path);
  }
  ownTokens.add(owner.token);
  const beat = setInterval(() => {
    // Taken away: `assertHeld` tells.
    utimes(path, new Date(), new Date()).catch(() => undefined);
  }, options.beatMs ?? 2_000);
  beat.unref();
  return {
    assertHeld: () => {
      const holder = ownerIn(() => readFileSync(join(path, OWNER), 'utf8'));
      if (holder?.token !== owner.token) throw lockedBy(folder, holder);
    },
    release: async () => {
      clearInterval(beat);
      ownTokens.delete(owner.token);
      if ((await readOwner(path))?.token === owner.token) await removeLock(path);
    },
  };
}

const lockedBy = (folder: string, holder: Owner | null): ArchiveLockedError =>
  new ArchiveLockedError(
    holder === null
      ? `the lock of ${folder} was removed while this process archived into it, or has no owner yet: start it again`
      : `process ${holder.pid} on ${holder.host} archives into ${folder}: a folder has one archiver. Stop that one, or set ARCHIVE_DIR to another folder. If there is no such process, remove ${join(folder, '.lock')}.`,
  );

function ownerIn(read: () => string): Owner | null {
  try {
    return JSON.parse(read()) as Owner;
  } catch {
    return null; // released a moment ago
  }
}

async function readOwner(path: string): Promise<Owner | null> {
  const text = await readFile(join(path, OWNER), 'utf8').catch(() => '');
  return ownerIn(() => text);
}

/** The folder appears with the owner's name in it, by one rename, which fails where another one is. */
async function tryTake(path: string, owner: Owner): Promise<boolean> {
  const fresh = `${path}-${owner.token}`;
  await mkdir(fresh);
  try {
    await writeFile(join(fresh, OWNER), JSON.stringify(owner), { flush: true });
    await rename(fresh, path);
    return true;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (TAKEN.has(codeOf(error))) return false;
    throw error;
  }
}

async function isOwnerGone(path: string, holder: Owner | null, options: LockOptions): Promise<boolean> {
  if (holder !== null && holder.host === hostname() && (holder.where ?? whereAmI()) === whereAmI()) {
    if (holder.pid === process.pid) return !ownTokens.has(holder.token);
    return !isRunning(holder);
  }
  // Clocks of two machines may differ: what counts is whether the time changes while this one looks.
  const before = await lastBeat(path);
  await systemClock.sleep(options.silentMs ?? 15_000, options.signal);
  return (await lastBeat(path)) === before;
}

const lastBeat = async (path: string): Promise<number | null> =>
  await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );

function isRunning({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false; // else it is another user's process
  }
  // Killed, but not yet waited for by its parent: it still has an id.
  const [state] = statOf(pid);
  if (state === 'Z' || state === 'X') return false;
  return started === null || startOf(pid) === started;
}

/** /proc/<pid>/stat (proc(5)) from its field 3, the state, on: behind the program's name, which may hold anything. */
function statOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Field 22. */
const startOf = (pid: number): string | null => statOf(pid)[19] ?? null;

function whereAmI(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

async function removeLock(path: string): Promise<void> {
  // Renamed first: of several processes that find the lock left behind, one removes it.
  const away = `${path}-${randomUUID()}`;
  try {
    await rename(path, away);
  } catch {
    return; // another process did
  }
  await rm(away, { recursive: true, force: true });
}
