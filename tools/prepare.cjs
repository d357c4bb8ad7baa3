/**
 * The build, which npm also runs after `npm ci`. Without the compiler, left out with the development dependencies, it
 * leaves dist/ as it is and fails nothing.
 */
const { spawnSync } = require('node:child_process');
const {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} = require('node:fs');
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

/** Packages that most commands load, file by file half of the time of a start. */
const WITH_THE_PROGRAM = [
  ...['@grpc/grpc-js', '@grpc/proto-loader', '@opentelemetry/api', 'avsc', 'commander', 'croner', 'csv-stringify'],
  ...['pg', 'pg-copy-streams', 'pino', 'preact', 'preact-render-to-string', 'prom-client', 'rxjs', 'uuid', 'zod'],
];

/** The command line as few files, in place of the many that the compiler makes of it: it starts twice as fast. */
function bundleProgram() {
  const { dependencies, optionalDependencies } = require(join(root, 'package.json'));
  const names = [...Object.keys(dependencies), ...Object.keys(optionalDependencies), 'pg-native'];
  const { outputFiles } = require('esbuild').buildSync({
    absWorkingDir: root,
    write: false,
    entryPoints: ['cli/balde', 'cli/program', 'cli/fail', 'rebuild/fillWorker'].map((name) => `src/${name}.ts`),
    outbase: '.',
    outdir: 'dist',
    chunkNames: 'program/[name]-[hash]',
    bundle: true,
    splitting: true,
    sourcemap: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: names.filter((name) => !WITH_THE_PROGRAM.includes(name)),
    // What is bundled of CommonJS asks for Node's modules in its own way.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  replace(outputFiles);
}

/**
 * Each file at once, those that others load first, and what is the same not at all: npx builds where a Balde may be at
 * work, which loads its parts as it needs them.
 */
function replace(files) {
  const folder = join(root, 'dist', 'program');
  mkdirSync(folder, { recursive: true });
  const isPart = ({ path }) => dirname(path) === folder;
  for (const { path, contents } of [...files.filter(isPart), ...files.filter((file) => !isPart(file))]) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue;
    writeFileSync(`${path}.new`, contents, { mode: path === program ? 0o755 : 0o644 });
    renameSync(`${path}.new`, path);
  }
  const made = new Set(files.map(({ path }) => path));
  for (const name of readdirSync(folder)) if (!made.has(join(folder, name))) rmSync(join(folder, name));
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
  if (process.exitCode === 0) {
    bundle();
    bundleProgram();
  }
  // npx does so only when it sees a folder for the first time.
  if (process.exitCode === 0) chmodSync(program, 0o755);
}
