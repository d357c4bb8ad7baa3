/**
 * What npm runs after `npm ci`: builds, where the compiler is. Left out with the development dependencies, it fails
 * nothing.
 */
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const isBuilt = existsSync(join(root, 'dist', 'src', 'cli', 'balde.js'));

function compiler() {
  try {
    return require.resolve('typescript/bin/tsc', { paths: [root] });
  } catch {
    return null;
  }
}

const tsc = compiler();
if (tsc === null) {
  const what = isBuilt
    ? 'dist/ stays as it is'
    : 'there is no dist/ yet: run npm ci, which builds, then npm prune --omit=dev --ignore-scripts';
  process.stderr.write(`balde: nothing is built without the development dependencies; ${what}\n`);
} else {
  process.exitCode =
    spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' }).status ?? 1;
}
