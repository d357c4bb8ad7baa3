/** A double of the client's consumer, which answers one question late: the real one does so once in thousands. */
import { expect, it } from 'vitest';
import { Prefetch } from '../../src/log/pulsar/prefetch.ts';
import type { NativeMessage } from '../../src/log/pulsar/native.ts';
import { eventually } from '../support/eventually.ts';

const message = (name: string): NativeMessage =>
  ({ name, getMessageId: () => ({ toString: () => '(1,2,-1,-1)' }) }) as unknown as NativeMessage;

/** Queues what comes at the moment of a question, as the client may, and leaves the question waiting. */
class ForgetfulConsumer {
  readonly #waiting: ((message: NativeMessage) => void)[] = [];
  queued: NativeMessage[] = [];

  async receive(): Promise<NativeMessage> {
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  async batchReceive(): Promise<NativeMessage[]> {
    return Promise.resolve(this.queued.splice(0));
  }

  deliver(come: NativeMessage): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.queued.push(come);
    else waiting(come);
  }
}

it('takes a message that the client queued although it was asked for, and goes on with the next in order [PUL-23]', async () => {
  const consumer = new ForgetfulConsumer();
  const prefetch = new Prefetch(consumer, { topic: 't', isBusy: false, wake: () => undefined, unansweredMs: 20 });
  const [first, second, third] = [message('first'), message('second'), message('third')];
  prefetch.pull();
  consumer.queued = [first];
  const taken: NativeMessage[] = [];
  const come = async (count: number): Promise<void> => {
    await eventually(`${count} messages`, async () => {
      taken.push(...prefetch.take());
      return await Promise.resolve(taken.length === count);
    });
  };
  await come(1);
  consumer.deliver(second);
  await come(2);
  consumer.deliver(third);
  await come(3);
  expect(taken).toEqual([first, second, third]);
});
