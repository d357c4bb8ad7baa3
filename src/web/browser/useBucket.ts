/** One bucket over a range that moves: by hand, and with the time where it ends now. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { BucketAnswer, Overview, OverviewChange } from '../../api/answers.ts';
import { bucketAddress } from '../addresses.ts';
import { keyOf } from '../buckets.ts';
import type { ConnectionState } from '../parts/Connection.tsx';
import { rangeUpTo } from '../ranges.ts';
import type { RangeName, TimeRange } from '../ranges.ts';
import { replaceAddress } from './address.ts';
import { fetched } from './fetched.ts';
import { listen } from './stream.ts';

interface LiveBucket {
  readonly answer: BucketAnswer;
  readonly chosen: RangeName | null;
  readonly connection: ConnectionState;
  readonly error: string | null;
  readonly choose: (range: TimeRange) => void;
  readonly reset: () => void;
  /** Another moment of the past, at the end of the range. Milliseconds. */
  readonly showAt: (at: number, signal: AbortSignal) => Promise<void>;
}

/** A long range needs no news every second. Milliseconds. */
const REFRESH_MS = 2_000;
/** What is being worked out is asked for again. Milliseconds. */
const PENDING_MS = 500;

export function useBucket(initial: BucketAnswer, initialRange: RangeName | null): LiveBucket {
  const [answer, setAnswer] = useState(initial);
  const [chosen, setChosen] = useState(initialRange);
  const [error, setError] = useState<string | null>(null);
  const pending = useRef<AbortController | null>(null);
  const at = answer.is_past ? answer.as_of : null;
  // The server's clock counts.
  const [ahead] = useState(() => Date.parse(initial.as_of) - Date.now());
  const end = (): number => (at === null ? Date.now() + ahead : Date.parse(at));
  const ask = async (range: TimeRange, moment: string | null, signal: AbortSignal): Promise<BucketAnswer> =>
    await fetched<BucketAnswer>(`/api/v1${bucketAddress(initial.bucket, { ...endsOf(range), at: moment })}`, signal);

  async function load(range: TimeRange): Promise<void> {
    pending.current?.abort();
    const mine = (pending.current = new AbortController());
    try {
      setAnswer(await ask(range, at, mine.signal));
      setError(null);
    } catch (failure) {
      if (!mine.signal.aborted) setError(failure instanceof Error ? failure.message : String(failure));
    }
  }

  const isPending = answer.calls?.is_proof_pending === true;
  useEffect(() => {
    if (!isPending) return undefined;
    const shown = { from: Date.parse(answer.from), to: Date.parse(answer.to) };
    const timer = setTimeout(
      () => void load(chosen === null || at !== null ? shown : rangeUpTo(chosen, end())),
      PENDING_MS,
    );
    return () => clearTimeout(timer);
  }, [answer]);
  const connection = useNews(initial, () => {
    if (chosen !== null) void load(rangeUpTo(chosen, end()));
  });
  return {
    ...{ answer, chosen, connection, error },
    choose: (range) => {
      setChosen(null);
      replaceAddress(bucketAddress(initial.bucket, { ...endsOf(range), at }));
      void load(range);
    },
    showAt: async (moment, signal) => {
      const shown = { from: Date.parse(answer.from), to: Date.parse(answer.to) };
      const by = moment - end();
      const range = chosen === null ? { from: shown.from + by, to: shown.to + by } : rangeUpTo(chosen, moment);
      const next = await ask(range, new Date(moment).toISOString(), signal);
      setAnswer(next);
      replaceAddress(
        bucketAddress(initial.bucket, { ...(chosen === null ? endsOf(range) : { range: chosen }), at: next.as_of }),
      );
    },
    reset: () => {
      setChosen(initialRange);
      replaceAddress(
        bucketAddress(
          initial.bucket,
          initialRange === null ? { from: initial.from, to: initial.to, at } : { range: initialRange, at },
        ),
      );
      void load(
        initialRange === null
          ? { from: Date.parse(initial.from), to: Date.parse(initial.to) }
          : rangeUpTo(initialRange, end()),
      );
    },
  };
}

const endsOf = ({ from, to }: TimeRange) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });

/** Calls `onNews` when the bucket has been observed again, or an alert of it changed. */
function useNews({ bucket, is_past }: BucketAnswer, onNews: () => void): ConnectionState {
  const [connection, setConnection] = useState<ConnectionState>(is_past ? 'past' : 'still');
  const call = useRef(onNews);
  call.current = onNews;
  useEffect(() => {
    if (is_past) return undefined;
    setConnection('connecting');
    let timer: ReturnType<typeof setTimeout> | undefined;
    const news = ({ buckets }: Overview | OverviewChange): void => {
      if (buckets.some((each) => keyOf(each) === keyOf(bucket)))
        timer ??= setTimeout(() => {
          timer = undefined;
          call.current();
        }, REFRESH_MS);
    };
    const end = listen({
      onOverview: news,
      onChange: news,
      onConnection: setConnection,
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
  return connection;
}
