/** What a run did and what its workers said, for whoever has to find out why it failed. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/packageRoot.ts';
import type { Worker } from './worker.ts';

const SHOWN = 60;
const WARNINGS = new Set(['warn', 'error', 'fatal']);

export class Journal {
  readonly #name: string;
  readonly #entries: { readonly at: number; readonly text: string }[] = [];

  /** @param name of the run, for its file */
  constructor(name: string) {
    this.#name = name;
  }

  note(text: string): void {
    this.#entries.push({ at: Date.now(), text });
  }

  /**
   * Runs `work`; its failure tells the last faults and warnings, and where all the rest is.
   * @param evidence lines for the file beside what the workers said
   */
  async around<T>(
    workers: readonly Worker[],
    evidence: () => Promise<readonly string[]>,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const file = await this.#write(workers, await evidence().catch((cause: unknown) => [String(cause)]));
      const faults = this.#entries.slice(-SHOWN).map(({ at, text }) => `${time(at)} ${text}`);
      const said = warnings(workers).slice(-SHOWN);
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(
        `${this.#name}: ${message}\n\nLast faults:\n${faults.join('\n')}\n\nLast warnings:\n${said.join('\n')}\n\n` +
          `Everything that the workers said: ${file}`,
        { cause: error },
      );
    }
  }

  async #write(workers: readonly Worker[], evidence: readonly string[]): Promise<string> {
    const folder = join(packageRoot, '.balde');
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${this.#name.replaceAll(/[^\w-]+/g, '-')}.log`);
    const entries = this.#entries.map(({ at, text }) => ({ at, text: `FAULT ${text}` }));
    const all = [...entries, ...workers.flatMap(said)].sort((a, b) => a.at - b.at);
    const lines = [...all.map(({ at, text }) => `${time(at)} ${text}`), ...evidence];
    await writeFile(file, `${lines.join('\n')}\n`);
    return file;
  }
}

const time = (at: number): string => new Date(at).toISOString().slice(11, 23);

/** Text that is no log line has no time of its own: it gets the one of the line before. */
function said(worker: Worker): { readonly at: number; readonly text: string }[] {
  const who = `worker ${worker.pid}`;
  const lines = worker.lines.map((line) => ({
    at: Date.parse(line.time),
    text: `${who} ${JSON.stringify(line)}`,
  }));
  const newest = worker.lines.at(-1)?.time;
  const last = newest === undefined ? worker.startedAt : Date.parse(newest);
  return [...lines, ...worker.text.map((text) => ({ at: last, text: `${who} ${text}` }))];
}

function warnings(workers: readonly Worker[]): string[] {
  return workers
    .flatMap((worker) => worker.lines.map((line) => ({ worker, line })))
    .filter(({ line }) => WARNINGS.has(line.level))
    .sort((a, b) => a.line.time.localeCompare(b.line.time))
    .map(
      ({ worker, line }) => `${time(Date.parse(line.time))} worker ${worker.pid} ${JSON.stringify(line).slice(0, 300)}`,
    );
}
