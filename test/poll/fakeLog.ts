/** The producer's side of the event log, in memory: election, fencing, outages, deduplication per partition. */
import { LogUnavailableError, ProducerFencedError } from '../../src/log/eventLog.ts';
import type { EventLog, OutgoingMessage, Producer } from '../../src/log/eventLog.ts';
import { createPartitions } from './partitions.ts';
import type { Partitions } from './partitions.ts';

export interface FakeLog extends Pick<EventLog, 'producer' | 'system'> {
  /** Every send that was tried, refused or not. */
  readonly attempts: (readonly OutgoingMessage[])[];
  readonly partitions: Partitions;
  /** Names of the producers that won an election, in order. */
  readonly elections: string[];
  /** While set, elections fail. */
  unreachable: boolean;
  /** While set, sends fail; they store so many messages first. */
  outage: { readonly storedFirst: number } | null;
  /** While set, sends fail with it. */
  refusal: Error | null;
  /** The leader of `name` loses its place without noticing; the next standby is elected. */
  fence(name: string): void;
  /** Producers are not told what their name has stored: as when others have sent much since. */
  forgetful: boolean;
  /** Producers closed so far. */
  closed: number;
}

interface Seat {
  fenced: boolean;
  readonly free: () => void;
}

export function createFakeLog(): FakeLog {
  const seats = new Map<string, { holder: Seat | null; waiting: (() => void)[] }>();
  const seatsOf = (name: string) => {
    const found = seats.get(name) ?? { holder: null, waiting: [] };
    seats.set(name, found);
    return found;
  };
  const log: FakeLog = {
    system: 'postgresql',
    attempts: [],
    partitions: createPartitions(4),
    elections: [],
    unreachable: false,
    outage: null,
    refusal: null,
    forgetful: false,
    closed: 0,
    fence: (name) => {
      const seat = seatsOf(name).holder;
      if (seat === null) throw new Error(`nobody leads ${name}`);
      seat.fenced = true;
      seat.free();
    },
    producer: async (topic, { name, signal }) => {
      signal.throwIfAborted();
      if (log.unreachable) throw new LogUnavailableError('no broker');
      const place = seatsOf(name);
      while (place.holder !== null) {
        await new Promise<void>((resolve, reject) => {
          place.waiting.push(resolve);
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      }
      const seat: Seat = {
        fenced: false,
        free: () => {
          if (place.holder !== seat) return;
          place.holder = null;
          place.waiting.shift()?.();
        },
      };
      place.holder = seat;
      log.elections.push(name);
      return producerOf(log, topic, name, seat);
    },
  };
  return log;
}

function producerOf(log: FakeLog, topic: string, name: string, seat: Seat): Producer {
  return {
    topic,
    get lastSequenceId() {
      return log.forgetful ? -1 : log.partitions.last(name);
    },
    send: async (messages) => {
      await Promise.resolve();
      log.attempts.push(messages);
      if (seat.fenced) throw new ProducerFencedError('another producer took over');
      if (log.refusal !== null) throw log.refusal;
      if (log.outage === null) return log.partitions.store(name, messages);
      log.partitions.store(name, messages.slice(0, log.outage.storedFirst));
      throw new LogUnavailableError('connection lost');
    },
    close: async () => {
      await Promise.resolve();
      log.closed++;
      seat.free();
    },
  };
}
