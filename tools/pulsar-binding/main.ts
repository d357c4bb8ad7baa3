/** Command line of this tool: `npm run pulsar:binding -- [--force] [--json]`. */
import { parseArgs } from 'node:util';
import { BindingError, type BindingResult, ensureBinding } from './binding.ts';
import { defaultCacheFolder } from './cache.ts';
import { textOf } from './errors.ts';

const usage = `Makes the native addon of the npm package pulsar-client loadable.

Usage: npm run pulsar:binding -- [options]

  --force  fetch or build the addon again even if a loadable one is there
  --json   write the result to standard output as one JSON object
  --help   show this text

Built addons are kept in ${defaultCacheFolder(process.env)}
(set BALDE_CACHE_DIR for another folder). Exit code: 0 loadable, 1 not.
`;

const origins: Record<BindingResult['source'], string> = {
  present: 'it was there already',
  cache: 'taken from the cache',
  prebuilt: 'ready-made by its authors',
  built: 'built on this machine',
};

function writeResult(json: boolean, result: BindingResult): void {
  const text = json
    ? JSON.stringify({ loadable: true, ...result })
    : `pulsar-client is loadable: ${origins[result.source]} (${(result.milliseconds / 1000).toFixed(1)} s)`;
  process.stdout.write(`${text}\n`);
}

function writeFailure(json: boolean, error: unknown): void {
  const problem = error instanceof BindingError ? error.problem : 'unexpected';
  if (json) process.stdout.write(`${JSON.stringify({ loadable: false, problem, message: textOf(error) })}\n`);
  else process.stderr.write(`${textOf(error)}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { force: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  const json = values.json === true;
  try {
    const report = (line: string): void => void process.stderr.write(`pulsar-binding: ${line}\n`);
    writeResult(json, await ensureBinding({ force: values.force === true, report }));
    return 0;
  } catch (error) {
    writeFailure(json, error);
    return 1;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${textOf(error)}\nTry --help.\n`);
  process.exitCode = 1;
}
