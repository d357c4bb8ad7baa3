/**
 * The build, which npm also runs after `npm ci`. Without the compiler, left out with the development dependencies, it
 * leaves dist/ as it is and fails nothing.
 */
const { spawnSync } = require('node:child_process');
const { chmodSync, existsSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = join(__dirname, '..');
const program = join(root, 'dist', 'src', 'cli', 'balde.js');
const isBuilt = existsSync(program);

function compiler() {
  try {
    return join(dirname(require.resolve('typescript7/package.json', { paths: [root] })), 'bin', 'tsc');
  } catch {
    return null;
  }
}

/** What the browser runs: one script and one style sheet in dist/web. */
function bundle() {
  require('esbuild').buildSync({
    absWorkingDir: root,
    entryPoints: { page: 'src/web/browser/main.tsx', style: 'src/web/styles/main.css' },
    outdir: 'dist/web',
    entryNames: '[name]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
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
  if (process.exitCode === 0) bundle();
  // npx does so only when it sees a folder for the first time.
  if (process.exitCode === 0) chmodSync(program, 0o755);
}
