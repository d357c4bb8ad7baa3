/** The systems of a simulated participant report their calls while it is polled: through the topic, as others do. */
import type { Logger } from 'pino';
import { openOutcomesPublisher } from '../calls/publish.ts';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import type { EventLog } from '../log/eventLog.ts';
import { OUTCOMES_WINDOW_MS, SimulatedReports } from '../simulator/outcomes.ts';
import type { Simulator } from '../simulator/server.ts';
import type { Answered } from '../simulator/world.ts';

interface LiveReportsOptions {
  readonly participant: string;
  readonly clock: Clock;
}

interface Publishing {
  readonly log: Pick<EventLog, 'producer'>;
  readonly simulator: Pick<Simulator, 'live'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** When traffic may begin: windows of calls that an earlier run reported are over by then. */
export const beginningAfter = (now: EpochMs): EpochMs => Math.ceil(now / OUTCOMES_WINDOW_MS) * OUTCOMES_WINDOW_MS;

export class LiveReports {
  readonly #options: LiveReportsOptions;
  readonly #reports: SimulatedReports;
  #waiting: RequestOutcomesObserved[] = [];
  #isPolled = false;

  constructor(options: LiveReportsOptions) {
    this.#options = options;
    this.#reports = new SimulatedReports({ participant: options.participant, seed: 1 });
  }

  /** For the simulator to tell. */
  take(participant: string, answered: Answered): void {
    if (participant === this.#options.participant) this.#reports.take(answered);
  }

  /** Balances have reached the log: what explains them is reported from now on. Who only stands by reports nothing. */
  polled(): void {
    this.#isPolled = true;
  }

  /** Publishes windows as they end, until the signal aborts. It only tells: whatever ends it, the roles go on. */
  async run(publishing: Publishing, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const left = OUTCOMES_WINDOW_MS - (clock.now() % OUTCOMES_WINDOW_MS);
      await clock.sleep(left, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#publishUntil(clock.now(), publishing);
    }
  }

  /** Publishes the window that is under way as well: nobody polls any more, and the next run has other buckets. */
  async finish(publishing: Publishing): Promise<void> {
    await this.#publishUntil(beginningAfter(this.#options.clock.now()), publishing);
  }

  async #publishUntil(at: EpochMs, { log, simulator, logger }: Publishing): Promise<void> {
    if (!this.#isPolled) return;
    const { participant, clock } = this.#options;
    simulator.live(participant);
    this.#waiting.push(...this.#reports.until(at));
    if (this.#waiting.length === 0) return;
    try {
      const publisher = await openOutcomesPublisher(log, () => clock.now(), new AbortController().signal);
      try {
        await publisher.publish(this.#waiting);
        this.#waiting = [];
      } finally {
        await publisher.close();
      }
    } catch (err) {
      logger.warn({ err }, 'the simulated systems could not report their calls: tried again with the next window');
    }
  }
}
