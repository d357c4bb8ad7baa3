/**
 * Whether a folder may be written to, given away or removed. Somebody else may have prepared it: a link in it would
 * have root change or give away what the link names, and its owner could put one there at any time.
 */
import { OperatorError } from '../errors.ts';
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join, parse, resolve, sep } from 'node:path';

/** Something is in the way that Balde does not touch; the message says what to do. */
export class ForeignFolderError extends OperatorError {
  override readonly name = 'ForeignFolderError';
}

/** Whom Balde trusts with a folder: itself, root, and for the embedded server the user that runs it. */
export type Owners = ReadonlySet<number>;

export const ownUsers = (...others: readonly (number | undefined)[]): Owners =>
  new Set([0, process.getuid?.() ?? 0, ...others.filter((uid) => uid !== undefined)]);

const MAX_LINKS = 40;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

const isRoot = (): boolean => process.getuid?.() === 0;
/** Without users there is nobody else. */
const hasUsers = (): boolean => process.getuid !== undefined;

function look(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const refuse = (what: string, remedy: string): never => {
  throw new ForeignFolderError(`${what}. ${remedy}`);
};

const ELSEWHERE = 'Give another folder (--data-dir or DATA_DIR)';

/**
 * The folder and those above it; what is not there yet is nobody's. A process that isn't root may have links of its
 * own.
 * @throws {ForeignFolderError}
 */
export function assertOwnFolder(folder: string, owners: Owners): void {
  if (!hasUsers()) return;
  const path = resolve(folder);
  assertWayTo(dirname(path), owners, 0);
  const found = look(path);
  if (found === null) return;
  if (found.isSymbolicLink()) {
    if (isRoot()) refuse(`${path} is a link, which root does not follow`, `Name the folder itself (${target(path)})`);
    assertOwner(path, found, owners);
    assertOwnFolder(realpathSync(path), owners);
    return;
  }
  if (!found.isDirectory()) refuse(`${path} is no folder`, ELSEWHERE);
  assertOwner(path, found, owners);
  assertNotForAll(path, found);
}

/** Whoever may rename what lies in a folder decides what a path through it means. */
function assertWayTo(folder: string, owners: Owners, links: number): void {
  if (links > MAX_LINKS) refuse(`${folder} has too many links in it`, ELSEWHERE);
  const { root } = parse(folder);
  let path = root;
  for (const name of folder.slice(root.length).split(sep)) {
    path = join(path, name);
    const found = look(path);
    if (found === null) return;
    if (found.isSymbolicLink()) {
      assertOwner(path, found, owners);
      assertWayTo(realpathSync(path), owners, links + 1);
    } else assertNotForAll(path, found);
  }
}

function assertOwner(path: string, { uid }: Stats, owners: Owners): void {
  if (owners.has(uid)) return;
  refuse(
    `${path} belongs to user ${uid}, not to ${[...owners].join(' or ')}`,
    `${ELSEWHERE}, or, if what lies there is to be trusted, give it to the right user with chown`,
  );
}

/** Only root gives files away, so that only root has to mind. */
function assertNotForAll(path: string, { mode }: Stats): void {
  if (!isRoot() || (mode & WRITABLE_BY_ALL) === 0 || (mode & STICKY) !== 0) return;
  refuse(`anybody may replace what lies in ${path}`, `Run chmod o-w ${path}, or give another folder`);
}

/**
 * What lies in a folder of Balde's own: real files and folders, of trusted owners, under no second name elsewhere.
 * @throws {ForeignFolderError}
 */
export function assertOwnContents(folder: string, names: readonly string[], owners: Owners): void {
  if (!hasUsers()) return;
  for (const name of names) {
    const path = join(folder, name);
    const found = look(path);
    if (found === null) continue;
    if (!found.isFile() && !found.isDirectory()) refuse(`${path} is no plain file or folder`, `Remove it`);
    assertOwner(path, found, owners);
    if (found.isFile() && found.nlink > namesOf(folder, found))
      refuse(`${path} is a hard link to a file elsewhere`, 'Remove it');
  }
}

/** Several starts at one moment link one file in the same folder for an instant. */
const namesOf = (folder: string, { ino }: Stats): number =>
  readdirSync(folder).filter((name) => look(join(folder, name))?.ino === ino).length;

function target(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return 'the one it names is not there';
  }
}
