/** Lets one process at a time prepare the addon. A process that died does not hold the lock for ever. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BindingError, codeOf } from './errors.ts';

interface Owner {
  pid: number;
  host: string;
  token: string;
}

export interface LockOptions {
  report: (line: string) => void;
  /** Milliseconds between signs of life of the holder. */
  beatMs?: number;
  /** Milliseconds without a sign of life after which the lock counts as left behind. */
  staleMs?: number;
  /** Milliseconds after which waiting is given up. */
  waitMs?: number;
}

const ownerName = 'owner.json';

function readOwner(folder: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, ownerName), 'utf8')) as Owner;
  } catch {
    return undefined; // released a moment ago
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM'; // another user's process
  }
}

function isLeftBehind(folder: string, staleMs: number): boolean {
  const owner = readOwner(folder);
  if (owner === undefined) return false;
  // A process id says nothing on another host, nor when it was given again: there the sign of life decides.
  if (owner.host === hostname() && !isAlive(owner.pid)) return true;
  const beat = statSync(folder, { throwIfNoEntry: false });
  return beat !== undefined && Date.now() - beat.mtimeMs > staleMs;
}

/** Takes the lock if it is free. Its folder appears with the owner's name in it, by one rename. */
function tryTake(folder: string, owner: Owner): boolean {
  const fresh = `${folder}-${owner.token}`;
  mkdirSync(fresh);
  writeFileSync(join(fresh, ownerName), JSON.stringify(owner));
  try {
    renameSync(fresh, folder);
    return true;
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // EPERM is how Windows says that the folder exists.
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

function remove(folder: string): void {
  // Renamed first: of several processes that find the lock left behind, one removes it.
  const away = `${folder}-${randomUUID()}`;
  try {
    renameSync(folder, away);
  } catch {
    return; // another process did
  }
  rmSync(away, { recursive: true, force: true });
}

async function take(folder: string, owner: Owner, options: LockOptions): Promise<void> {
  const { staleMs = 30_000, waitMs = 900_000 } = options;
  const end = Date.now() + waitMs;
  let told = false;
  while (!tryTake(folder, owner)) {
    if (isLeftBehind(folder, staleMs)) {
      remove(folder);
      continue;
    }
    const holder = readOwner(folder);
    if (Date.now() > end)
      throw new BindingError(
        'lock-timeout',
        `another process (${holder?.pid ?? 'unknown'}) has held ${folder} for ${waitMs / 1000} s.\n` +
          '  What to do: end that process, then try again.',
      );
    if (!told && holder !== undefined) {
      options.report(`another process (${holder.pid}) is preparing the addon: waiting for it`);
      told = true;
    }
    await delay(100);
  }
}

/**
 * Runs `work` while holding the lock `folder`. Two holders at once are possible in one rare case (several processes
 * remove a left-behind lock in the same moment): they do the same work twice, which every step of it allows.
 */
export async function withLock<T>(folder: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const owner: Owner = { pid: process.pid, host: hostname(), token: randomUUID() };
  await take(folder, owner, options);
  const beat = setInterval(() => {
    try {
      utimesSync(folder, new Date(), new Date());
    } catch {
      // Taken away because this process seemed dead: the work goes on, see above.
    }
  }, options.beatMs ?? 5_000);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (readOwner(folder)?.token === owner.token) remove(folder);
  }
}
