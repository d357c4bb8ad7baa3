/** Compiles the addon's own sources against this folder's headers and links them with the wheel's library. */
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { BindingError, lastLines } from './errors.ts';
import {
  compilerOptions,
  forwardingHeader,
  includeFolder,
  includedHeaders,
  linkerOptions,
  nodeHeadersPackage,
} from './recipe.ts';
import { run } from './run.ts';

export interface CompileOptions {
  /** node_modules/pulsar-client. */
  packageFolder: string;
  /** A folder for intermediate files; the caller removes it. */
  workFolder: string;
  /** The wheel's shared library. */
  library: string;
  env: NodeJS.ProcessEnv;
  report: (line: string) => void;
}

const compiler = 'g++';
const jobs = 2;
const compileLimitMs = 300_000;
const npmLimitMs = 120_000;

function writeForwardingHeaders(packageFolder: string, folder: string): void {
  for (const name of includedHeaders(join(packageFolder, 'src'))) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, forwardingHeader(name));
  }
}

/** Folders that may hold node_api.h: beside this Node, as its installers lay it, and where node-gyp downloads it. */
export function nodeHeaderFolders(nodeProgram: string, home: string): string[] {
  const besideNode = [nodeProgram, realpathSync(nodeProgram)].map((program) =>
    join(dirname(dirname(program)), 'include', 'node'),
  );
  const fromNodeGyp = join(home, '.cache', 'node-gyp', process.versions.node, 'include', 'node');
  return [...new Set([...besideNode, fromNodeGyp])];
}

async function findNodeHeaders(options: CompileOptions): Promise<string> {
  const found = nodeHeaderFolders(process.execPath, homedir()).find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found !== undefined) return found;
  return fetchNodeHeaders(options);
}

/** Node-API's headers from the package registry, for a Node that came without them. */
export async function fetchNodeHeaders(
  options: Pick<CompileOptions, 'workFolder' | 'env' | 'report'>,
): Promise<string> {
  options.report(`fetching ${nodeHeadersPackage}: this Node came without its headers`);
  const prefix = join(options.workFolder, 'headers');
  mkdirSync(prefix, { recursive: true });
  // oxfmt-ignore
  const args = ['install', '--prefix', prefix, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', nodeHeadersPackage];
  const { ok, output } = await run('npm', args, {
    cwd: prefix,
    env: options.env,
    timeoutMs: npmLimitMs,
  });
  const folder = join(prefix, 'node_modules', 'node-api-headers', 'include');
  if (ok && existsSync(join(folder, 'node_api.h'))) return folder;
  throw new BindingError(
    'node-headers-missing',
    `Node's headers (node_api.h) are not on this machine and npm could not fetch ${nodeHeadersPackage}:\n${lastLines(output, 3)}\n` +
      '  What to do: install the headers of Node (Debian: apt-get install libnode-dev), or let npm reach its registry.',
  );
}

async function compileOrThrow(args: readonly string[], what: string, options: CompileOptions): Promise<void> {
  const { ok, timedOut, output } = await run(compiler, args, {
    cwd: options.workFolder,
    env: options.env,
    timeoutMs: compileLimitMs,
  });
  if (ok) return;
  const how = timedOut ? `took longer than ${compileLimitMs / 1000} s` : 'failed';
  const errors = output
    .split('\n')
    .filter((line) => /error|undefined reference/i.test(line))
    .join('\n');
  throw new BindingError(
    'compile-failed',
    `${compiler} ${how} on ${what}:\n${lastLines(errors === '' ? output : errors, 6)}\n` +
      '  What to do: use g++ 9 or newer (g++ 12 was tried) with 1 GB of free memory; if it is, please report these lines.',
  );
}

async function compileAll(sources: readonly string[], includes: string[], options: CompileOptions): Promise<string[]> {
  const waiting = [...sources];
  const objects: string[] = [];
  const work = async (): Promise<void> => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const object = join(options.workFolder, `${basename(source, '.cc')}.o`);
      objects.push(object);
      try {
        const args = [...compilerOptions, ...includes.flatMap((folder) => ['-I', folder]), '-c', source, '-o', object];
        await compileOrThrow(args, basename(source), options);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: jobs }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return objects;
}

/** Builds `pulsar.node` in the work folder and returns its path. Throws a {@link BindingError}. */
export async function compileAddon(options: CompileOptions): Promise<string> {
  const { packageFolder, workFolder } = options;
  const forwarding = join(workFolder, 'forwarding');
  writeForwardingHeaders(packageFolder, forwarding);
  const requireFromPackage = createRequire(join(packageFolder, 'package.json'));
  const nodeAddonApi = dirname(requireFromPackage.resolve('node-addon-api/package.json'));
  const includes = [nodeAddonApi, await findNodeHeaders(options), forwarding, includeFolder];
  const sources = readdirSync(join(packageFolder, 'src'))
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join(packageFolder, 'src', name));
  options.report(`compiling the addon: ${sources.length} files, about 10 s`);
  const objects = await compileAll(sources, includes, options);
  const addon = join(workFolder, 'pulsar.node');
  await compileOrThrow([...linkerOptions, ...objects.sort(), options.library, '-o', addon], 'linking', options);
  return addon;
}
