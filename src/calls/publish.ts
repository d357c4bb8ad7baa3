/**
 * Windows of calls on their way to topic `request-outcomes`, and payers' to `payer-outcomes`, over any event log.
 *
 * A window is known by participant, policy, source, operation, start and revision: whoever can't tell whether it was
 * stored publishes it again, from whichever process, with no effect.
 */
import { randomUUID } from 'node:crypto';
import { inChunks } from '../chunks.ts';
import { PAYER_OUTCOMES, REQUEST_OUTCOMES } from '../codec/topics.ts';
import type { Topic } from '../codec/topics.ts';
import { OperatorError } from '../errors.ts';
import { invalidOutcomes } from '../domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { invalidPayerOutcomes } from '../domain/payers.ts';
import type { PayerOutcomesObserved } from '../domain/payers.ts';
import type { EventLog } from '../log/eventLog.ts';

/** A window that can't be. Nothing was published. */
export class InvalidOutcomesError extends OperatorError {
  override readonly name = 'InvalidOutcomesError';
  /** Of the window, in the order given. */
  readonly index: number;

  constructor(index: number, reason: string) {
    super(reason);
    this.index = index;
  }
}

/** Used by one caller at a time. */
interface Publisher<E> {
  /**
   * Stores windows, all of them or, on an error of the log, possibly some: publish them again.
   * @throws {InvalidOutcomesError} one of them can't be; none was stored
   * @throws {LogUnavailableError} trying again is right
   */
  publish(windows: readonly E[]): Promise<void>;
  close(): Promise<void>;
}

export type OutcomesPublisher = Publisher<RequestOutcomesObserved>;
export type PayersPublisher = Publisher<PayerOutcomesObserved>;

/** Of one send: some 150 kB. */
const LIMITS = { items: 1_000, size: 1_000 } as const;

/** @param now the local clock */
type Open<E> = (log: Pick<EventLog, 'producer'>, now: () => number, signal: AbortSignal) => Promise<Publisher<E>>;

function publisherOf<E>(topic: Topic<E>, prefix: string, invalid: (event: E, now: number) => string | null): Open<E> {
  return async (log, now, signal) => {
    // A name of its own: the ids of two publishers have nothing to do with each other.
    const options = { name: `${prefix}-${randomUUID()}`, access: 'shared', wholeSends: true, signal } as const;
    const producer = await log.producer(topic.name, options);
    let nextId = 0;
    return {
      publish: async (windows) => {
        const at = now();
        for (const [index, window] of windows.entries()) {
          const reason = invalid(window, at);
          if (reason !== null) throw new InvalidOutcomesError(index, reason);
        }
        for (const chunk of inChunks(windows, LIMITS, () => 1))
          await producer.send(chunk.map((window) => ({ ...topic.encode(window), sequenceId: nextId++ })));
      },
      close: async () => await producer.close(),
    };
  };
}

export const openOutcomesPublisher = publisherOf(REQUEST_OUTCOMES, 'outcomes', invalidOutcomes);
export const openPayersPublisher = publisherOf(PAYER_OUTCOMES, 'payers', invalidPayerOutcomes);
