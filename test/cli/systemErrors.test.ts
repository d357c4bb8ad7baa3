import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { inspectConfig } from '../../src/config/config.ts';
import { checkCredentials } from '../../src/log/pulsar/credentials.ts';
import { toArchiveError } from '../../src/archive/errors.ts';
import { systemErrorText, systemProblem } from '../../src/systemErrors.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde } from './balde.ts';
import { seed } from './seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'balde-paths-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'folder'));
writeFileSync(join(folder, 'file'), 'x');
symlinkSync(join(folder, 'loop'), join(folder, 'loop'));

/** Paths that can't be read or written, and what is said of each. */
const PATHS = {
  missing: [join(folder, 'no', 'such', 'file'), `there is no folder ${join(folder, 'no')}. Create it`],
  folder: [join(folder, 'folder'), 'is a folder, not a file. Name a file.'],
  inFile: [join(folder, 'file', 'x'), `${join(folder, 'file')} is a file, not a folder. Give another path.`],
  loop: [join(folder, 'loop'), 'the path goes round in a loop of symbolic links. Give another path.'],
  long: [join(folder, 'x'.repeat(300)), 'the path is too long. Give a shorter path.'],
} as const;
const KINDS = Object.entries(PATHS);

/** A code of errno, which is for programs. */
const RAW = /\bE(?:NO|IS|ACC|PERM|RO|ADDR|MFILE|NFILE|LOOP|NAMETOO|XDEV|BUSY|IO|CONN|AI_|TIMED|FBIG|DQUOT)[A-Z]*\b/;

const failure = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: what libuv says, open '/x'`), { code, syscall: 'open', ...more });

describe('an error of the operating system is told in words', () => {
  test.each([
    ['ENOENT', { path: join(folder, 'gone') }, 'gone: there is no such file or folder. Check the path.'],
    ['ENOENT', { path: join(folder, 'a/b/c') }, `there is no folder ${join(folder, 'a')}. Create it`],
    ['ENOTDIR', { path: join(folder, 'file/a') }, 'file is a file, not a folder. Give another path.'],
    ['EISDIR', {}, 'is a folder, not a file. Name a file.'],
    ['EACCES', { path: '/x' }, /^\/x: user \S+ has no access to it\. Grant it, or give another path\.$/],
    ['EPERM', { path: '/x' }, /^\/x: user \S+ has no access to it\. /],
    ['EACCES', { syscall: 'listen', address: '0.0.0.0', port: 80 }, '0.0.0.0:80: this user may not listen'],
    ['EROFS', { path: '/x' }, '/x: the file system is read-only. Mount it for writing'],
    ['ENOSPC', { path: '/x' }, 'the disk is full. Make room'],
    ['EDQUOT', {}, 'the disk quota is used up. Make room'],
    ['EFBIG', {}, 'the file would exceed the largest size allowed. Raise the limit (ulimit -f).'],
    ['EMFILE', {}, 'too many files open. Raise the limit (ulimit -n)'],
    ['ENFILE', {}, 'the system has too many files open'],
    ['ENOMEM', {}, 'out of memory'],
    ['ENAMETOOLONG', {}, 'the path is too long'],
    ['ELOOP', {}, 'a loop of symbolic links'],
    ['EEXIST', {}, 'something with this name exists already'],
    ['ENOTEMPTY', {}, 'the folder is not empty'],
    ['EBUSY', {}, 'another program is using it'],
    ['ETXTBSY', {}, 'another program is running it'],
    ['EXDEV', {}, 'the path spans two file systems'],
    ['EIO', {}, 'the disk reports an error'],
    ['ENXIO', {}, 'a device or pipe that nothing serves'],
    ['ENODEV', {}, 'a device that does not exist'],
    ['EADDRINUSE', { address: '::1', port: 9464 }, '::1:9464: another program listens there. Stop it, or '],
    ['EADDRNOTAVAIL', { address: '9.9.9.9', port: 1 }, '9.9.9.9:1: this machine does not have that address'],
    ['ENOTFOUND', {}, 'the name does not resolve'],
    ['EAI_AGAIN', {}, 'the name does not resolve now'],
    ['ECONNREFUSED', { address: '127.0.0.1', port: 1 }, '127.0.0.1:1: nothing listens there'],
    ['ECONNRESET', {}, 'the connection was closed by the other side'],
    ['ETIMEDOUT', {}, 'there was no answer'],
    ['EHOSTUNREACH', {}, 'the host cannot be reached'],
    ['ENETUNREACH', {}, 'the network cannot be reached'],
  ])('%s %j', (code, more, expected) => {
    const text = systemErrorText(failure(code, more));
    if (typeof expected === 'string') expect(text).toContain(expected);
    else expect(text).toMatch(expected);
    expect(text).not.toMatch(RAW);
    expect(text).not.toContain('libuv');
  });

  test('codes that are not in the table are told with where they are explained', () => {
    const names = [...getSystemErrorMap().values()].map(([name]) => name).filter((name) => name.startsWith('E'));
    for (const name of names) expect(systemProblem(failure(name)), name).not.toBeNull();
  });

  test.each([new Error('x'), failure('ERR_INVALID_ARG_TYPE'), failure('42501'), 'ENOENT', null])(
    'what is none stays as it is: %s',
    (error) => expect(systemProblem(error)).toBeNull(),
  );
});

describe.each([
  'DATABASE_URL_FILE',
  'BALDE_CONFIG',
  ...['BRIDGE_TLS_CA_FILE', 'BRIDGE_TLS_CERT_FILE', 'BRIDGE_TLS_KEY_FILE'],
  ...['PULSAR_TOKEN_FILE', 'PULSAR_CA_FILE', 'PULSAR_CERT_FILE', 'PULSAR_KEY_FILE'],
])('%s', (name) => {
  test.each(KINDS)('that names nothing readable (%s) is told in words', (_kind, [path, expected]) => {
    const pair = Object.fromEntries(
      [name, name.replace('CERT', 'KEY'), name.replace('KEY', 'CERT')].map((each) => [each, path]),
    );
    const { problems } = inspectConfig({
      ...{ PARTICIPANT: '12345678', BRIDGE_ADDRESS: 'localhost:1', PULSAR_URL: 'pulsar+ssl://localhost:1' },
      ...pair,
    });
    expect(problems.join('\n')).toContain(path);
    expect(problems.join('\n')).toContain(expected);
    expect(problems.join('\n')).not.toMatch(RAW);
  });
});

describe('a file that is gone later on', () => {
  test.each(KINDS)('Pulsar credentials (%s)', (_kind, [path, expected]) => {
    const settings = { token: { file: path }, tls: {} } as Parameters<typeof checkCredentials>[0];
    expect(() => checkCredentials(settings)).toThrow(`PULSAR_TOKEN_FILE: ${path}: ${expected}`);
  });

  test('the folder of the archive', () => {
    const error = toArchiveError(failure('ENOSPC'), '/srv/archive') as Error;
    expect(error.message).toMatch(/^the archive in \/srv\/archive \(ARCHIVE_DIR\) .*: the disk is full\. Make/);
  });
});

describe('an option that takes a path', async () => {
  const { url, database, log } = await baldeDatabase();
  await seed(database, log, Date.UTC(2026, 4, 4, 12));
  const environment = { DATABASE_URL: url };
  const [alert] = await database.query<{ id: string }>('select id from dict_rate_limit_alerts limit 1');
  const bucket = ['--participant', '12345678', '--policy', 'FALLING'];
  const full = ['/dev/full', 'the disk is full. Make room'] as const;
  const writing = [...Object.values(PATHS), full];

  test.each([
    ['export --output', ['export', 'states', '--output'], writing],
    ['explain --svg', ['explain', alert?.id ?? '', '--svg'], [PATHS.missing]],
    ['what-if --svg', ['what-if', '--svg'], [PATHS.folder]],
    ['history --svg', ['history', ...bucket, '--svg'], [PATHS.inFile]],
    ['state --svg', ['state', '--at', '2026-05-04T12:00:00Z', '--svg'], [full]],
    ['demo --data-dir', ['demo', '--data-dir'], [PATHS.inFile]],
    ['status --config', ['status', '--config'], [PATHS.missing]],
    ['migrate --data-dir', ['migrate', '--data-dir'], [PATHS.inFile]],
  ] as const)('%s', async (_name, args, paths) => {
    await Promise.all(
      paths.map(async ([path, expected]) => {
        const { code, stderr, stdout } = await balde([...args, path], environment);
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toContain(expected);
        expect(stderr).not.toMatch(RAW);
        expect(stderr).not.toMatch(/defect|^ +at /m);
      }),
    );
  });
});
