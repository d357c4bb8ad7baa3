/** Errors of the operating system, in words for the person who chose the path or the port. */
import { existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

export interface SystemProblem {
  readonly what: string;
  /** What to do about it. */
  readonly remedy: string;
}

interface SystemFailure {
  readonly code: string;
  readonly syscall: string | null;
  /** The file or folder; `null` for errors of the network. */
  readonly path: string | null;
  /** What a failed `listen` was about. */
  readonly address: string | null;
}

/** The code that the system, Node.js or OpenSSL gave an error; `null` when it has none. */
export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

type Describe = (failure: SystemFailure) => SystemProblem;

const problem =
  (what: string, remedy: string): Describe =>
  () => ({ what, remedy });

const OTHER_PATH = 'Give another path.';
const NO_SPACE = 'Make room, or give another path.';
const UNREACHABLE = 'Check the address and the network between.';

/** By the code that Node.js reports; `getSystemErrorMap` of node:util lists all there are. */
const PROBLEMS: Readonly<Record<string, Describe>> = {
  ENOENT: missing,
  ENOTDIR: fileInTheWay,
  EISDIR: problem('is a folder, not a file', 'Name a file.'),
  EACCES: denied,
  EPERM: denied,
  EROFS: problem('the file system is read-only', 'Mount it for writing, or give another path.'),
  ENOSPC: problem('the disk is full', NO_SPACE),
  EDQUOT: problem('the disk quota is used up', NO_SPACE),
  EFBIG: problem('the file would exceed the largest size allowed', 'Raise the limit (ulimit -f).'),
  EMFILE: problem('this process has too many files open', 'Raise the limit (ulimit -n) and start again.'),
  ENFILE: problem('the system has too many files open', 'Stop other programs, or raise fs.file-max.'),
  ENOMEM: problem('the system is out of memory', 'Stop other programs, or add memory.'),
  ENAMETOOLONG: problem('the path is too long', 'Give a shorter path.'),
  ELOOP: problem('the path goes round in a loop of symbolic links', OTHER_PATH),
  EEXIST: problem('something with this name exists already', OTHER_PATH),
  ENOTEMPTY: problem('the folder is not empty', 'Give an empty folder, or one that does not exist yet.'),
  EBUSY: problem('another program is using it', 'Stop that program, or give another path.'),
  ETXTBSY: problem('another program is running it', 'Stop that program, or give another path.'),
  EXDEV: problem('the path spans two file systems', 'Give a path on one file system.'),
  EIO: problem('the disk reports an error', 'Look into the system log, and check the disk.'),
  ENXIO: problem('is a device or pipe that nothing serves', 'Name a file.'),
  ENODEV: problem('is a device that does not exist', 'Name a file.'),
  EADDRINUSE: problem(
    'another program listens there',
    'Stop it, or choose another port (HTTP_PORT; for balde simulate, --port). 0 takes any free one.',
  ),
  EADDRNOTAVAIL: problem(
    'this machine does not have that address',
    'Choose one of its own (HTTP_HOST; for balde simulate, --host), such as 127.0.0.1 or 0.0.0.0.',
  ),
  ENOTFOUND: problem('the name does not resolve', 'Check the spelling and the DNS.'),
  EAI_AGAIN: problem('the name does not resolve now', 'Check the DNS.'),
  ECONNREFUSED: problem('nothing listens there', 'Check the address, and that the server runs.'),
  ECONNRESET: problem('the connection was closed by the other side', 'See the log of the server.'),
  ETIMEDOUT: problem('there was no answer', UNREACHABLE),
  EHOSTUNREACH: problem('the host cannot be reached', UNREACHABLE),
  ENETUNREACH: problem('the network cannot be reached', UNREACHABLE),
};

/** `null`: it is not an error of the operating system. */
export function systemProblem(error: unknown, path?: string): SystemProblem | null {
  const found = failureOf(error);
  if (found === null) return null;
  const failure = { ...found, path: path ?? found.path };
  const describe = PROBLEMS[failure.code];
  return describe?.(failure) ?? { what: `the system answers ${failure.code}`, remedy: 'Look it up in errno(3).' };
}

/** Where an error occurred, as far as it doesn't say so itself: a failed read or write names no file. */
export interface Place {
  /** The option or variable that gave the path. */
  readonly setting?: string;
  readonly path?: string;
}

/** `--output: /srv/a.csv: there is no folder /srv. Create it, …`; `null` as {@link systemProblem}. */
export function systemErrorText(error: unknown, place: Place = {}): string | null {
  const found = systemProblem(error, place.path);
  if (found === null) return null;
  const { path, address } = failureOf(error) ?? { path: null, address: null };
  const subject = [place.setting, place.path ?? path ?? address]
    .filter((part) => part !== null && part !== undefined)
    .join(': ');
  return `${subject === '' ? '' : `${subject}: `}${found.what}. ${found.remedy}`;
}

/** Whether it is about a file or folder rather than about a connection. */
export const isFileError = (error: unknown): boolean => failureOf(error)?.address === null;

function failureOf(error: unknown): SystemFailure | null {
  if (!(error instanceof Error)) return null;
  const code = codeOf(error);
  const { syscall, path, address, port } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  if (code === null || !/^E[A-Z0-9]+(_[A-Z]+)?$/.test(code) || code.startsWith('ERR_')) return null;
  return {
    code,
    syscall: syscall ?? null,
    path: path ?? null,
    address: address === undefined ? null : [address, port].filter((part) => part !== undefined).join(':'),
  };
}

function missing({ path }: SystemFailure): SystemProblem {
  const folder = path === null ? null : firstMissingFolder(path);
  return folder === null
    ? { what: 'there is no such file or folder', remedy: 'Check the path.' }
    : { what: `there is no folder ${folder}`, remedy: 'Create it, or give another path.' };
}

/** The topmost folder on the way to `path` that does not exist; `null` when only the last name is missing. */
function firstMissingFolder(path: string): string | null {
  let found: string | null = null;
  for (let folder = dirname(path); !existsSync(folder) && folder !== dirname(folder); folder = dirname(folder)) {
    found = folder;
  }
  return found;
}

function fileInTheWay({ path }: SystemFailure): SystemProblem {
  for (let folder = path ?? '/'; folder !== dirname(folder); folder = dirname(folder)) {
    if (isFile(folder)) return { what: `${folder} is a file, not a folder`, remedy: OTHER_PATH };
  }
  return { what: 'a file is where a folder should be', remedy: OTHER_PATH };
}

function isFile(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function denied({ syscall, path }: SystemFailure): SystemProblem {
  if (syscall === 'listen' || syscall === 'bind') {
    return {
      what: 'this user may not listen there',
      remedy: 'Choose a port above 1023, or grant the right.',
    };
  }
  const where = path === null ? '' : ' to it';
  return { what: `user ${userName()} has no access${where}`, remedy: 'Grant it, or give another path.' };
}

/** Some containers run as a number without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'of this process');
  }
}
