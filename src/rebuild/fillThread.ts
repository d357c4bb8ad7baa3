/**
 * A filling in a thread of its own: this thread reads the source, the other one decodes, folds, encodes and writes.
 *
 * Reading from Pulsar costs one thread as much as all the rest does.
 */
import { Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { LogMessage } from '../log/eventLog.ts';
import { received, sendable } from '../store/errors.ts';
import type { SentError } from '../store/errors.ts';
import { Wakeup } from '../waiting.ts';
import type { FillOptions, FillReport, Filling } from './fill.ts';
import { pack, transferOf, unpack } from './packedMessages.ts';
import type { PackedMessages } from './packedMessages.ts';
import type { EventSource, ReadPositions } from './source.ts';

type ToThread =
  | { readonly kind: 'messages'; readonly packed: PackedMessages }
  /** The source has given everything. */
  | { readonly kind: 'end' }
  | { readonly kind: 'stop' };

type FromThread =
  | { readonly kind: 'read'; readonly after: ReadPositions }
  | { readonly kind: 'taken'; readonly messages: number }
  | { readonly kind: 'committed'; readonly messages: number }
  | Ended;

interface Ended {
  readonly kind: 'ended';
  readonly report: FillReport;
  readonly error: SentError | null;
}

/** What a filling needs of the thread that it is not in. */
type Given = Pick<FillOptions<unknown, unknown, string>, 'projection' | 'source' | 'signal' | 'onCommitted'>;

/** With more messages on their way to the thread, reading waits: they are in memory twice. */
const UNDER_WAY = 4_000;
/** How long a thread that is done may take to end. Milliseconds. */
const GOODBYE_MS = 2_000;
/** How long to wait for the thread before looking again; it wakes whoever waits. Milliseconds. */
const LOOK_MS = 60_000;

export class FillThread implements Filling {
  readonly #given: Given;
  readonly #program: URL;
  readonly #order: unknown;
  readonly #taken = new Wakeup();
  #underWay = 0;
  #report: FillReport = { events: 0, poison: 0, expired: 0 };

  /**
   * @param program calls {@link fillForThread}
   * @param order what the program is told, in `workerData`: something that can be cloned
   */
  constructor(given: Given, program: URL, order: unknown) {
    this.#given = given;
    this.#program = program;
    this.#order = order;
  }

  get report(): FillReport {
    return this.#report;
  }

  async run(): Promise<void> {
    const { signal } = this.#given;
    signal.throwIfAborted();
    const thread = new Worker(this.#program, { workerData: this.#order });
    const post = (message: ToThread, transfer: readonly ArrayBuffer[] = []): void =>
      thread.postMessage(message, transfer);
    const stop = (): void => post({ kind: 'stop' });
    signal.addEventListener('abort', stop, { once: true });
    const over = new AbortController();
    const reading = AbortSignal.any([signal, over.signal]);
    const failures: unknown[] = [];
    const exited = new Promise((resolve) => thread.once('exit', resolve));
    let feeding = Promise.resolve();
    try {
      const ended = await new Promise<Ended>((resolve, reject) => {
        thread.on('error', reject);
        thread.on('exit', (code) => reject(new Error(`the thread of a rebuild ended early, with code ${code}`)));
        thread.on('message', (message: FromThread) => {
          if (message.kind === 'ended') resolve(message);
          else if (message.kind === 'committed') this.#committed(message.messages);
          else if (message.kind === 'taken') {
            this.#underWay -= message.messages;
            this.#taken.wake();
          } else {
            feeding = this.#feed(message.after, reading, post).catch((error: unknown) => {
              if (reading.aborted) return;
              failures.push(error);
              stop();
            });
          }
        });
      });
      this.#report = ended.report;
      if (ended.error !== null) failures.push(received(ended.error));
      over.abort();
      // It closes its connections yet.
      await Promise.race([exited, delay(GOODBYE_MS, undefined, { ref: false })]);
    } finally {
      signal.removeEventListener('abort', stop);
      over.abort();
      await feeding;
      await thread.terminate();
    }
    signal.throwIfAborted();
    if (failures.length > 0) throw failures[0];
  }

  #committed(messages: number): void {
    const { events, ...others } = this.#report;
    this.#report = { ...others, events: events + messages };
    this.#given.onCommitted(messages);
  }

  async #feed(
    after: ReadPositions,
    signal: AbortSignal,
    post: (message: ToThread, transfer?: readonly ArrayBuffer[]) => void,
  ): Promise<void> {
    const { source, projection } = this.#given;
    for await (const messages of source.read({ topic: projection.topic, after, signal })) {
      const packed = pack(messages);
      post({ kind: 'messages', packed }, transferOf(packed));
      this.#underWay += messages.length;
      while (this.#underWay > UNDER_WAY) await this.#taken.wait(this.#taken.count, LOOK_MS, signal);
    }
    post({ kind: 'end' });
  }
}

/**
 * The other side of a {@link FillThread}.
 * @param inTurn what the source there says of itself
 * @param begin a filling from the source given
 */
export async function fillForThread(
  port: MessagePort,
  inTurn: boolean,
  begin: (given: Omit<Given, 'projection'>) => Filling,
): Promise<void> {
  const stopping = new AbortController();
  const queue: PackedMessages[] = [];
  const arrived = new Wakeup();
  let isAll = false;
  port.on('message', (message: ToThread) => {
    if (message.kind === 'stop') stopping.abort();
    else if (message.kind === 'end') isAll = true;
    else queue.push(message.packed);
    arrived.wake();
  });
  const post = (message: FromThread): void => port.postMessage(message);
  async function* read({ after }: { readonly after: ReadPositions }): AsyncGenerator<readonly LogMessage[]> {
    post({ kind: 'read', after });
    for (;;) {
      const packed = queue.shift();
      if (packed !== undefined) {
        post({ kind: 'taken', messages: packed.positions.length });
        yield unpack(packed);
        // What was committed before is written meanwhile, however much there is to fold.
        await turn();
      } else if (isAll) return;
      else await arrived.wait(arrived.count, LOOK_MS, stopping.signal);
    }
  }
  const source: EventSource = {
    description: 'the other thread',
    inTurn,
    read,
    count: async () => Promise.resolve(null),
    close: async () => Promise.resolve(),
  };
  const onCommitted = (messages: number): void => post({ kind: 'committed', messages });
  const filling = begin({ source, signal: stopping.signal, onCommitted });
  let error: SentError | null = null;
  try {
    await filling.run();
  } catch (reason) {
    error = sendable(reason);
  }
  post({ kind: 'ended', report: filling.report, error });
  port.close();
}
