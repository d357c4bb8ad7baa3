import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/packageRoot.ts';
import { BindingError, type BindingOptions, ensureBinding } from '../../tools/pulsar-binding/binding.ts';
import { checkWritable, defaultCacheFolder } from '../../tools/pulsar-binding/cache.ts';
import { fetchNodeHeaders, nodeHeaderFolders } from '../../tools/pulsar-binding/compile.ts';
import { type Machine, libraryFor, thisMachine } from '../../tools/pulsar-binding/platform.ts';
import { cacheKey, forwardingHeader, includedHeaders } from '../../tools/pulsar-binding/recipe.ts';
import { LONG_MS } from '../support/eventually.ts';
import { type TestProject, fakeCommand, makeProject, pathOf } from './pulsarBindingProject.ts';

const debian: Machine = { platform: 'linux', arch: 'x64', libc: 'glibc', glibcVersion: '2.36' };

function refusal(machine: Machine): string {
  const answer = libraryFor(machine);
  if (answer.library !== undefined) throw new Error(`${machine.arch} was accepted`);
  return answer.message;
}

describe('machines that a build is possible on', () => {
  it('gives glibc machines the library of their processor', () => {
    expect(libraryFor(debian).library?.file).toBe('libpulsar-b0edd7ad.so');
    expect(libraryFor({ ...debian, arch: 'arm64' }).library?.file).toBe('libpulsar-1e7394d2.so');
    expect(libraryFor({ ...debian, glibcVersion: '2.28' }).library).toBeDefined();
  });

  it('tells all others why not and what to do', () => {
    expect(refusal({ platform: 'linux', arch: 'x64', libc: 'musl' })).toMatch(
      /musl.*glibc 2\.28[^]*tried on x64[^]*Debian-based/,
    );
    expect(refusal({ ...debian, arch: 'ppc64' })).toMatch(/processor ppc64[^]*x64 or arm64/);
    expect(refusal({ ...debian, glibcVersion: '2.17' })).toMatch(/glibc 2\.17[^]*newer system/);
    expect(refusal({ platform: 'darwin', arch: 'arm64', libc: 'none' })).toMatch(/darwin[^]*Linux container/);
  });

  it('knows this machine', () => {
    expect(thisMachine()).toMatchObject({ platform: process.platform, arch: process.arch });
  });
});

describe('cache', () => {
  it('lies where the environment says', () => {
    const folder = (env: NodeJS.ProcessEnv): string => defaultCacheFolder(env, '/home/ana');
    expect(folder({})).toBe('/home/ana/.cache/balde/pulsar-binding');
    expect(folder({ XDG_CACHE_HOME: '/x' })).toBe('/x/balde/pulsar-binding');
    expect(folder({ XDG_CACHE_HOME: '/x', BALDE_CACHE_DIR: '/b' })).toBe('/b/pulsar-binding');
    expect(folder({ XDG_CACHE_HOME: '', BALDE_CACHE_DIR: '' })).toBe('/home/ana/.cache/balde/pulsar-binding');
  });

  it('has another key for another machine and for other headers', () => {
    const headers = mkdtempSync(join(tmpdir(), 'balde-headers-'));
    writeFileSync(join(headers, 'a.h'), 'one');
    const key = cacheKey(debian, headers);
    expect(key).toMatch(/^pulsar-client-1\.18\.0_libpulsar-4\.2\.0_linux-x64-glibc_[0-9a-f]{16}$/);
    expect(cacheKey({ ...debian, glibcVersion: '2.31' }, headers)).toBe(key);
    expect(cacheKey({ ...debian, arch: 'arm64' }, headers)).not.toBe(key);
    expect(cacheKey({ ...debian, libc: 'musl' }, headers)).not.toBe(key);
    writeFileSync(join(headers, 'a.h'), 'two');
    expect(cacheKey(debian, headers)).not.toBe(key);
    rmSync(headers, { recursive: true });
  });
});

describe('headers', () => {
  it('reads the names to forward from the sources', () => {
    const sources = mkdtempSync(join(tmpdir(), 'balde-sources-'));
    writeFileSync(join(sources, 'A.cc'), '#include <pulsar/Client.h>\n#include "pulsar/c/message.h"\n#include <map>\n');
    writeFileSync(join(sources, 'A.h'), '# include  <pulsar/Client.h>\n#include "Own.h"\n');
    writeFileSync(join(sources, 'A.js'), '#include <pulsar/Not.h>\n');
    expect(includedHeaders(sources)).toEqual(['pulsar/Client.h', 'pulsar/c/message.h']);
    rmSync(sources, { recursive: true });
  });

  it(
    'finds in the package the 26 names that the headers here were written for',
    async () => {
      await ensureBinding();
      expect(includedHeaders(join(packageRoot, 'node_modules', 'pulsar-client', 'src'))).toHaveLength(26);
    },
    LONG_MS,
  );

  it('forwards C names to the C header, the others to the C++ header', () => {
    expect(forwardingHeader('pulsar/Client.h')).toBe('#include "libpulsar.h"\n');
    expect(forwardingHeader('pulsar/c/client.h')).toBe('#include "libpulsar_c.h"\n');
  });

  it('looks for the headers of Node beside its program and where node-gyp keeps them', () => {
    const folders = nodeHeaderFolders(process.execPath, '/home/ana');
    expect(folders.at(-1)).toBe(`/home/ana/.cache/node-gyp/${process.versions.node}/include/node`);
    expect(folders[0]).toMatch(/include\/node$/);
  });
});

describe('what is missing', () => {
  let project: TestProject;
  beforeAll(async () => {
    await ensureBinding();
    project = makeProject();
  });
  afterAll(() => project.remove());

  /** Runs with only the given fake commands on the PATH; returns the error. */
  async function failure(commands: Record<string, string>, options: BindingOptions = {}): Promise<BindingError> {
    const { root, cacheFolder } = project;
    const bin = mkdtempSync(join(project.bin, 'case-'));
    for (const [name, script] of Object.entries(commands)) fakeCommand(bin, name, script);
    const env = pathOf(bin);
    const run = ensureBinding({ root, cacheFolder, machine: debian, prebuilt: false, env, ...options });
    const error: unknown = await run.then(() => undefined).catch((thrown: unknown) => thrown);
    if (error instanceof BindingError) return error;
    throw new Error(`expected a BindingError, not ${String(error)}`);
  }

  const fine = 'exit 0';
  const pip = (download: string): string => `case "$*" in *download*) ${download} ;; esac`;

  it('names the compiler', async () => {
    const error = await failure({ python3: fine });
    expect(error.problem).toBe('tools-missing');
    expect(error.message).toBe(
      'The native addon of pulsar-client 1.18.0 is not loadable.\n' +
        '  Build: g++ is not on the PATH. What to do: install it (Debian: apt-get install g++; RHEL: dnf install gcc-c++).',
    );
  });

  it('names python3, and pip when only pip is missing', async () => {
    expect((await failure({ 'g++': fine })).message).toMatch(/Build: python3 is not on the PATH.*python3-pip/);
    const withoutPip = await failure({ 'g++': fine, python3: 'case "$*" in *pip*) exit 1 ;; esac' });
    expect(withoutPip.message).toMatch(/Build: python3 has no pip\. What to do: install it.*python3-pip/);
  });

  it('names everything at once', async () => {
    expect((await failure({})).message).toMatch(/g\+\+ is not on the PATH[^]*python3 is not on the PATH/);
  });

  it('tells what pip said when it cannot download', async () => {
    const said = 'ERROR: No matching distribution found for pulsar-client==3.13.0';
    const error = await failure({ 'g++': fine, python3: pip(`echo '${said}' >&2; exit 1`) });
    expect(error.problem).toBe('download-failed');
    expect(error.message).toContain(`could not download pulsar-client==3.13.0 for manylinux_2_28_x86_64:\n    ${said}`);
    expect(error.message).toContain('What to do: let pip reach its package index');
  });

  it('refuses a wheel that does not hold the library', async () => {
    const python3 = `case "$*" in
      *download*) while [ "$1" != --dest ]; do shift; done; echo wheel > "$2/p.whl" ;;
      *ZipFile*) echo 'zipfile.BadZipFile: File is not a zip file'; exit 1 ;;
    esac`;
    const error = await failure({ 'g++': fine, python3 });
    expect(error.problem).toBe('wrong-library');
    expect(error.message).toMatch(/libpulsar-b0edd7ad\.so:\n {4}zipfile\.BadZipFile[^]*check the package index/);
  });

  it('tells an unsupported machine', async () => {
    const error = await failure({}, { machine: { platform: 'linux', arch: 'x64', libc: 'musl' } });
    expect(error.problem).toBe('unsupported-platform');
    expect(error.message).toMatch(/Build: this Linux uses musl/);
  });

  it('adds why the ready-made addon is not to be had', async () => {
    const mirror = { npm_config_pulsar_binary_host_mirror: 'http://127.0.0.1:1/' };
    const env = { ...pathOf(project.bin), ...mirror };
    const error = await failure({}, { prebuilt: true, env });
    expect(error.message).toMatch(/\n {2}Ready-made addon: (?!no reason).+\n {2}Build: /);
  });

  it('tells which folder of the cache cannot be written', async () => {
    const file = join(project.root, 'a-file');
    writeFileSync(file, '');
    const error = await failure({}, { cacheFolder: join(file, 'cache') });
    expect(error.problem).toBe('cache-not-writable');
    expect(error.message).toMatch(/a-file\/cache cannot be written \(.*\)\.\n {2}What to do: set BALDE_CACHE_DIR/);
  });

  it('tells when node_modules cannot be written', () => {
    const folder = mkdtempSync(join(tmpdir(), 'balde-closed-'));
    chmodSync(folder, 0o555);
    // Root may write anywhere: for root the attempt is made as another user.
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65534);
    try {
      expect(() => checkWritable(folder)).toThrow(/lib\/binding cannot be written \(EACCES[^]*owner of node_modules/);
    } finally {
      if (root) process.seteuid?.(0);
      rmSync(folder, { recursive: true });
    }
  });

  it('tells when npm cannot fetch the headers of Node', async () => {
    const bin = mkdtempSync(join(project.bin, 'npm-'));
    fakeCommand(bin, 'npm', 'echo "npm error code ENOTFOUND"; exit 1');
    const run = fetchNodeHeaders({ workFolder: bin, env: pathOf(bin), report: () => undefined });
    await expect(run).rejects.toThrow(/node_api\.h[^]*ENOTFOUND[^]*libnode-dev/);
  });
});

describe('a package that npm left out', () => {
  let project: TestProject;
  beforeAll(() => {
    project = makeProject();
    rmSync(project.packageFolder, { recursive: true });
  });
  afterAll(() => project.remove());

  it('is asked for without touching anything else, and its absence reported', async () => {
    const { root, cacheFolder, bin } = project;
    fakeCommand(bin, 'npm', 'echo "$@"; echo npm error network; exit 1');
    const lines: string[] = [];
    const run = ensureBinding({ root, cacheFolder, env: pathOf(bin), report: (line) => lines.push(line) });
    const error: unknown = await run.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ problem: 'package-missing' });
    expect(String(error)).toMatch(/install --prefix .*cache.* --no-save --ignore-scripts/);
    expect(String(error)).toMatch(/npm error network\n {2}What to do: run "npm ci --ignore-scripts"/);
    expect(lines).toContain('bringing back the npm package pulsar-client, which npm left out');
  });

  it('is copied with what it needs, in the versions of the lock, and nothing else changes', async () => {
    const { root, cacheFolder, bin } = project;
    const modules = join(root, 'node_modules');
    rmSync(join(modules, 'bindings')); // a link: as if npm had removed the package
    const before = readdirSync(modules);
    // Pretends to be npm: "installs" what it was asked for, and one package that the project has in its own version.
    const install = `shift 2; cd "$1" && cp package-lock.json '${root}/asked.json' && mkdir -p node_modules && cd node_modules
      for name in pulsar-client bindings typescript; do mkdir $name; echo '{"made":"here"}' > $name/package.json; done
      echo '{"packages":{"node_modules/pulsar-client":{},"node_modules/bindings":{},"node_modules/typescript":{}}}' > .package-lock.json`;
    fakeCommand(bin, 'npm', install);
    const env = pathOf(bin, true);
    await ensureBinding({
      root,
      cacheFolder,
      env,
      prebuilt: false,
      machine: { ...debian, arch: 'none' },
    }).catch((error: unknown) => {
      expect(error).toMatchObject({ problem: 'package-version' });
    });
    expect(readdirSync(modules)).toEqual([...before, 'bindings', 'pulsar-client'].sort());
    expect(readFileSync(join(modules, 'bindings', 'package.json'), 'utf8')).toContain('"made"');
    expect(readFileSync(join(modules, 'typescript', 'package.json'), 'utf8')).not.toContain('"made"');
    const asked = JSON.parse(readFileSync(join(root, 'asked.json'), 'utf8')) as {
      packages: Record<string, unknown>;
    };
    expect(asked.packages['']).toEqual({ dependencies: { 'pulsar-client': '1.18.0' } });
    expect(asked.packages['node_modules/bindings']).toMatchObject({ version: expect.any(String) as string });
    rmSync(project.packageFolder, { recursive: true });
  });

  it('needs npm', async () => {
    const { root, cacheFolder } = project;
    const run = ensureBinding({ root, cacheFolder, env: pathOf(join(root, 'nothing')) });
    await expect(run).rejects.toThrow(/npm is not on the PATH/);
  });
});
