/** Command line of this tool: `npm run pulsar -- [options]`. */
import { parseArgs } from 'node:util';
import { ensureBinding } from '../pulsar-binding/binding.ts';
import { startBroker } from './broker.ts';
import type { Broker } from './broker.ts';

const usage = `Runs a Pulsar broker on this machine until Ctrl-C. Needs a JDK (17 or newer) and, the first time, Maven.

Usage: npm run pulsar -- [options]

  --port N            port for clients (6650; 0 for any free one)
  --web-port N        port of the admin interface (8080; 0 for any free one)
  --data-dir PATH     where the broker keeps its data (.balde/pulsar)
  --heap SIZE         heap and direct memory each (1g)
  --quick-start       ready for half of the CPU time, slower under load
  --until-input-ends  stop as well when standard input ends: with the program that started this
  --json              write what is ready to standard output as one JSON object
  --help              show this text

A second Ctrl-C kills the broker at once. Exit code: 0 stopped as asked, 1 failed; after Ctrl-C npm makes it 130.
`;

interface Arguments {
  readonly port: number;
  readonly webPort: number;
  readonly dataDir: string;
  readonly heap: string;
  readonly quickStart: boolean;
  readonly untilInputEnds: boolean;
  readonly json: boolean;
}

const say = (line: string): void => void process.stderr.write(`pulsar: ${line}\n`);

function portOf(name: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Error(`--${name} takes a port, 0 to 65535, not ${text}`);
}

function readArguments(): Arguments | undefined {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '6650' },
      'web-port': { type: 'string', default: '8080' },
      'data-dir': { type: 'string', default: '.balde/pulsar' },
      heap: { type: 'string', default: '1g' },
      'quick-start': { type: 'boolean', default: false },
      'until-input-ends': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return undefined;
  if (!/^\d+[kmg]$/i.test(values.heap)) throw new Error(`--heap takes a size such as 512m or 1g, not ${values.heap}`);
  return {
    port: portOf('port', values.port),
    webPort: portOf('web-port', values['web-port']),
    dataDir: values['data-dir'],
    heap: values.heap,
    quickStart: values['quick-start'],
    untilInputEnds: values['until-input-ends'],
    json: values.json,
  };
}

function explained(): Arguments | undefined {
  try {
    return readArguments();
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\nTry --help.`, {
      cause: error,
    });
  }
}

function writeReady({ serviceUrl, adminUrl, pid, logFile }: Broker, json: boolean): void {
  const text = json
    ? JSON.stringify({ ready: true, serviceUrl, adminUrl, pid, logFile })
    : `Pulsar is ready. Its log: ${logFile}. Stop it with Ctrl-C. Set\n` +
      `  PULSAR_URL=${serviceUrl}\n  PULSAR_ADMIN_URL=${adminUrl}`;
  process.stdout.write(`${text}\n`);
}

/** Calls `stop` at the first Ctrl-C or SIGTERM, `kill` at the second. npm passes one Ctrl-C on a second time. */
function onStopSignals(stop: () => void, kill: () => void): void {
  let asked: number | undefined;
  const heard = (): void => {
    if (asked === undefined) stop();
    else if (performance.now() - asked > 500) kill();
    asked ??= performance.now();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, heard);
}

/** The broker is of use without the client too: not having it is told, no more. */
async function prepareClient(): Promise<void> {
  await ensureBinding({ report: say }).catch((error: unknown) => {
    say(`the client that Balde uses is not ready: ${error instanceof Error ? error.message : String(error)}`);
  });
}

async function serve(asked: Arguments): Promise<number> {
  const stop = new AbortController();
  const stopped = new Promise<'asked'>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve('asked'));
  });
  // Killed before it is ready, the broker ends with this process.
  let kill = async (): Promise<void> => Promise.resolve();
  onStopSignals(
    () => stop.abort(),
    () => void kill().finally(() => process.exit(130)),
  );
  if (asked.untilInputEnds) process.stdin.once('end', () => stop.abort()).resume();
  const client = prepareClient();
  try {
    const { dataDir, heap, quickStart } = asked;
    const ports = { service: asked.port, admin: asked.webPort };
    const broker = await startBroker({ dataDir, heap, quickStart, ports, report: say, signal: stop.signal });
    kill = broker.kill;
    await Promise.race([client, stopped]);
    if (!stop.signal.aborted) writeReady(broker, asked.json);
    const ended = await Promise.race([stopped, broker.exited]);
    if (ended !== 'asked') throw new Error(`the broker ended by itself; its log: ${broker.logFile}`);
    say('stopping');
    await broker.stop();
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  }
}

async function main(): Promise<number> {
  try {
    const read = explained();
    if (read !== undefined) return await serve(read);
    process.stdout.write(usage);
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`pulsar: ${message}\n`);
    return 1;
  }
}

process.exit(await main());
