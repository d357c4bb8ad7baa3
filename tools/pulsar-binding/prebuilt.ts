/** The ready-made addon that the package's authors publish: fetched by the package's own installer. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from './run.ts';

const limitMs = 30_000;

/** Why the installer failed, as one line without its log decoration. */
function reasonOf(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((candidate) => /\berror\b/i.test(candidate) && /\w{4}/.test(candidate)) ?? lines.at(-1);
  return (line ?? 'no reason given').replace(/^.*?\[?error\]?\s+(install )?/i, '').trim();
}

/**
 * Runs `node-pre-gyp install` without its fall-back to a build.
 * Returns undefined when the files are in place (not yet proved loadable), otherwise why not.
 */
export async function fetchPrebuilt(packageFolder: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const requireFromPackage = createRequire(join(packageFolder, 'package.json'));
  const installer = join(
    dirname(requireFromPackage.resolve('@mapbox/node-pre-gyp/package.json')),
    'bin',
    'node-pre-gyp',
  );
  const args = [installer, 'install', '--update-binary'];
  const { ok, timedOut, output } = await run(process.execPath, args, {
    cwd: packageFolder,
    env,
    timeoutMs: limitMs,
  });
  if (ok) return undefined;
  return timedOut ? `no answer within ${limitMs / 1000} s` : reasonOf(output);
}
