/** The Pulsar that a demonstration runs through: a namespace of the configured one, or a broker of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { loadConfig } from '../config/config.ts';
import { LogError } from '../log/eventLog.ts';
import { plainCluster } from '../log/pulsar/settings.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { packageRoot } from '../packageRoot.ts';
import { tellLine } from './print.ts';

export interface DemoBroker {
  readonly settings: PulsarSettings;
  stop(): Promise<void>;
}

/** @throws {LogError} the client or the broker can't be had; what its tool said was told */
export async function demoBroker(dataDir: string, signal: AbortSignal): Promise<DemoBroker> {
  const { pulsar } = loadConfig(process.env, { withoutParticipants: true });
  // Simulated observations stay out of the topics that the namespace of the configuration has.
  const namespace = `demo-${randomUUID().slice(0, 8)}`;
  if (pulsar !== null) {
    const tool = startTool('pulsar-binding', []);
    tool.stdout.resume();
    if ((await exitOf(tool)) !== 0) throw new LogError("the client of Pulsar can't be loaded: see the lines above");
    tellLine(`the topics of this demonstration are in ${pulsar.tenant}/${namespace}; they stay there`);
    return { settings: { ...pulsar, namespace }, stop: async () => Promise.resolve() };
  }
  tellLine('starting a Pulsar broker of its own');
  const ports = ['--port', '0', '--web-port', '0', '--data-dir', join(dataDir, 'pulsar')];
  const tool = startTool('pulsar-broker', [...ports, '--json', '--until-input-ends']);
  const stop = async (): Promise<void> => {
    tool.stdin.end();
    await exitOf(tool);
  };
  signal.addEventListener('abort', () => void tool.stdin.end());
  const [line] = await Promise.race([firstLine(tool), exitOf(tool).then((): string[] => [])]);
  signal.throwIfAborted();
  if (line === undefined) throw new LogError('no Pulsar broker: see the lines above');
  return { settings: plainCluster(JSON.parse(line) as ReadyBroker, namespace), stop };
}

/** What the broker's tool writes to standard output. */
interface ReadyBroker {
  readonly serviceUrl: string;
  readonly adminUrl: string;
}

type Tool = ChildProcessByStdio<Writable, Readable, Readable>;

/** Runs one of `tools/` in a process of its own, which no Ctrl-C reaches; its lines are told. */
function startTool(name: string, args: readonly string[]): Tool {
  const program = join(packageRoot, 'dist', 'tools', name, 'main.js');
  const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
  const tool = spawn(process.execPath, [program, ...args], { stdio, detached: true });
  createInterface({ input: tool.stderr }).on('line', (line) => tellLine(line));
  return tool;
}

const exitOf = async (tool: Tool): Promise<number | null> =>
  tool.exitCode ?? (await new Promise((resolve) => tool.once('close', (code) => resolve(code))));

const firstLine = async (tool: Tool): Promise<string[]> => {
  for await (const line of createInterface({ input: tool.stdout })) return [line];
  return [];
};
