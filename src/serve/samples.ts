/**
 * Metrics that cost more than a scrape may: read when somebody scrapes, at most once in a while, and never at the cost
 * of the scrape, which waits a moment for them and goes on without.
 */
import { within } from '../waiting.ts';
import type { CounterSpec, GaugeSpec, Instruments, Series } from './instruments.ts';

export interface Sample {
  /** Names it in `balde_sample_errors_total`. */
  readonly name: string;
  /** What it fills. */
  readonly gauges: readonly GaugeSpec[];
  /** It is read at most so often. Milliseconds. */
  readonly everyMs: number;
  /**
   * The series of each gauge, in their order. Every statement in it has a limit of time of its own.
   * @param signal aborts when nobody waits any longer
   */
  read(signal: AbortSignal): Promise<readonly (readonly Series[])[]>;
}

const SAMPLE_ERRORS: CounterSpec = {
  kind: 'counter',
  name: 'balde_sample_errors_total',
  help: 'Samples that could not be read: their gauges keep their values for a minute, then they are absent',
  labels: ['sample'],
  source: 'process',
};

/** Milliseconds. */
interface SampleLimits {
  /** What a scrape waits for samples at most. */
  readonly waitMs: number;
  /** A sample that takes longer has failed. */
  readonly limitMs: number;
  /** Values older than this are worse than none. */
  readonly keptMs: number;
}

const LIMITS: SampleLimits = { waitMs: 1_000, limitMs: 8_000, keptMs: 60_000 };

interface Standing {
  readonly sample: Sample;
  startedAt: number;
  succeededAt: number;
  /** Until the reading itself has ended, whoever still waits for it: it is never under way twice. */
  running: Promise<unknown> | null;
}

export class Samples {
  readonly #instruments: Instruments;
  readonly #standings: readonly Standing[];
  readonly #limits: SampleLimits;

  constructor(instruments: Instruments, samples: readonly Sample[], limits = LIMITS) {
    this.#instruments = instruments;
    this.#limits = limits;
    this.#standings = samples.map((sample) => ({
      ...{ sample, startedAt: -Infinity, succeededAt: -Infinity, running: null },
    }));
    instruments.declare(SAMPLE_ERRORS);
    for (const { name, gauges } of samples) {
      instruments.count(SAMPLE_ERRORS, { sample: name }, 0);
      for (const gauge of gauges) instruments.declare(gauge);
    }
  }

  /** Reads what is due. Resolves when that is done, or after a moment; it never rejects. */
  async refresh(): Promise<void> {
    const now = performance.now();
    const due = this.#standings.filter(
      ({ sample, startedAt, running }) => running === null && now - startedAt >= sample.everyMs,
    );
    const reading = Promise.all(due.map(async (standing) => await this.#read(standing)));
    await within(this.#limits.waitMs, reading, () => []);
    this.#forget();
  }

  async #read(standing: Standing): Promise<void> {
    const { sample } = standing;
    const { limitMs } = this.#limits;
    standing.startedAt = performance.now();
    const reading = sample.read(AbortSignal.timeout(limitMs));
    standing.running = reading
      .catch(() => undefined)
      .finally(() => {
        standing.running = null;
      });
    try {
      const filled = await within(limitMs, reading, () => {
        throw new Error(`${sample.name} was not read within ${limitMs} ms`);
      });
      sample.gauges.forEach((gauge, i) => this.#instruments.replace(gauge, filled[i] ?? []));
      standing.succeededAt = performance.now();
    } catch {
      this.#instruments.count(SAMPLE_ERRORS, { sample: sample.name });
    }
  }

  #forget(): void {
    for (const standing of this.#standings) {
      // One that is read seldom is not given up while it is read the next time.
      const keptMs = Math.max(this.#limits.keptMs, 2 * standing.sample.everyMs);
      if (performance.now() - standing.succeededAt <= keptMs) continue;
      for (const gauge of standing.sample.gauges) this.#instruments.replace(gauge, []);
    }
  }
}
