/** A file of calls, or of windows, on its way to the topic. */
import type { EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import type { PayerOutcomesObserved } from '../domain/payers.ts';
import { linesOf, readerOf } from './lines.ts';
import type { LineFormat, Mapping } from './lines.ts';
import { isOfPayer, PAYERS_ARE_OFF, payerWindowOf } from './payerRecords.ts';
import type { OutcomesPublisher, PayersPublisher } from './publish.ts';
import { BadRecordError, callOf, windowOf } from './records.ts';
import type { Defaults, Field } from './records.ts';
import { CallSums } from './sums.ts';
import type { SumOptions } from './sums.ts';

interface ImportOptions extends SumOptions {
  readonly path: string;
  readonly format: LineFormat;
  readonly mapping: Mapping;
  readonly defaults: Defaults;
  readonly publisher: Pick<OutcomesPublisher, 'publish'>;
  /** `null`: nothing is kept of payers. */
  readonly payers: Pick<PayersPublisher, 'publish'> | null;
  /** Of each line that can't be used; the others are taken in. */
  readonly onBad: (line: number, reason: string) => void;
  /** Bytes of the file read so far. */
  readonly onBytes: (read: number) => void;
  readonly signal: AbortSignal;
}

export interface Imported {
  /** Lines that hold something, with those that can't be used. */
  readonly lines: number;
  /** Lines of single calls, and of ready windows. */
  readonly calls: number;
  readonly readyWindows: number;
  readonly bad: number;
  /** That were published. */
  readonly windows: number;
  /** Start of the first window and end of the last; `null` without any. */
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
}

/** Windows published together. */
const PART = 1_000;

/**
 * Calls are added up over the whole file, so that it may be in any order, and then published; windows as they come.
 * Published again, nothing changes: the same calls make the same windows.
 * @throws {BadFileError} the file can't be read to its end
 * @throws {LogUnavailableError} some may be published: do it again
 */
export async function importFile(options: ImportOptions): Promise<Imported> {
  const run = new Import(options);
  for await (const lines of linesOf(options.path, options.onBytes)) {
    options.signal.throwIfAborted();
    for (const [number, line] of lines) run.take(number, line);
    await run.publishReady();
  }
  return await run.finish();
}

class Import {
  readonly #options: ImportOptions;
  readonly #read: (line: string) => Field<string> | null;
  readonly #sums: CallSums;
  #ready: RequestOutcomesObserved[] = [];
  #readyPayers: PayerOutcomesObserved[] = [];
  readonly #counts = { calls: 0, readyWindows: 0, bad: 0, windows: 0 };
  #from = Infinity;
  #to = -Infinity;

  constructor(options: ImportOptions) {
    this.#options = options;
    this.#read = readerOf(options.format, options.mapping);
    this.#sums = new CallSums(options);
  }

  take(number: number, line: string): void {
    try {
      const field = this.#read(line);
      if (field !== null) this.#record(field);
    } catch (error) {
      if (!(error instanceof BadRecordError)) throw error;
      this.#counts.bad += 1;
      this.#options.onBad(number, error.message);
    }
  }

  async publishReady(): Promise<void> {
    if (this.#ready.length + this.#readyPayers.length >= PART) await this.#publishAll();
  }

  async finish(): Promise<Imported> {
    await this.#publishAll();
    const summed = this.#sums.windows();
    for (let i = 0; i < summed.length; i += PART) {
      this.#options.signal.throwIfAborted();
      await this.#publish(summed.slice(i, i + PART));
    }
    const known = this.#counts.windows > 0;
    const { calls, readyWindows, bad } = this.#counts;
    const lines = calls + readyWindows + bad;
    return { ...this.#counts, lines, from: known ? this.#from : null, to: known ? this.#to : null };
  }

  #record(field: Field<string>): void {
    const { defaults, now, payers } = this.#options;
    if (isOfPayer(field)) {
      if (payers === null) throw new BadRecordError(PAYERS_ARE_OFF);
      this.#readyPayers.push(payerWindowOf(field, defaults, now));
      this.#counts.readyWindows += 1;
    } else if (field('windowStart') === undefined) {
      this.#sums.add(callOf(field, defaults));
      this.#counts.calls += 1;
    } else {
      this.#ready.push(windowOf(field, defaults, now));
      this.#counts.readyWindows += 1;
    }
  }

  async #publishAll(): Promise<void> {
    const [ready, payers] = [this.#ready, this.#readyPayers];
    [this.#ready, this.#readyPayers] = [[], []];
    await this.#publish(ready);
    await this.#options.payers?.publish(payers);
    this.#count(payers);
  }

  async #publish(windows: readonly RequestOutcomesObserved[]): Promise<void> {
    await this.#options.publisher.publish(windows);
    this.#count(windows);
  }

  #count(windows: readonly Pick<RequestOutcomesObserved, 'windowStart' | 'windowEnd'>[]): void {
    this.#counts.windows += windows.length;
    for (const { windowStart, windowEnd } of windows) {
      this.#from = Math.min(this.#from, windowStart);
      this.#to = Math.max(this.#to, windowEnd);
    }
  }
}
