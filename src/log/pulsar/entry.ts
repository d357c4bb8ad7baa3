/**
 * What an entry of a partition is. Not every entry is a message that someone is given: a broker keeps markers
 * among them, where transactions end and for replicated subscriptions, and what was sent within a transaction
 * that was aborted.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface EntryFacts {
  /** Messages in an entry that is a batch; `null` when it is given as one message: no batch, or an encrypted one. */
  readonly batchSize: number | null;
  /**
   * - `message`: readers are given it. - `never`: nobody is, now or later. - `notYet`: it is part of a
   *   transaction that is not over, or lies behind one.
   */
  readonly delivered: 'message' | 'never' | 'notYet';
}

/**
 * Of an entry whose key and properties are more than the broker can say in headers. A marker has neither, and in a
 * batch they lie with its messages: it is a message of its own.
 */
export const UNDESCRIBED: EntryFacts = { batchSize: null, delivered: 'message' };

/** Of `GET …/ledger/…/entry/…`, which takes no more right than reading does. */
export function entryFacts(headers: IncomingHttpHeaders): EntryFacts {
  const value = (name: string): string | undefined => {
    const found = headers[`x-pulsar-${name}`];
    return typeof found === 'string' ? found : undefined;
  };
  const [size, chunk, chunks] = [value('num-batch-message'), value('chunk-id'), value('num-chunks-from-msg')];
  const isMarker = value('marker-type') !== undefined;
  // A message of several chunks is given with its last.
  const isPart = chunk !== undefined && chunks !== undefined && Number(chunk) < Number(chunks) - 1;
  return {
    batchSize: size === undefined || value('is-encrypted') === 'true' ? null : Number(size),
    delivered:
      isMarker || isPart || value('txn-aborted') === 'true'
        ? 'never'
        : value('txn-uncommitted') === 'true'
          ? 'notYet'
          : 'message',
  };
}
