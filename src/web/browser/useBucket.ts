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
}

/** A long range needs no news every second. Milliseconds. */
const REFRESH_MS = 2_000;

export function useBucket(initial: BucketAnswer, initialRange: RangeName | null): LiveBucket {
  const [answer, setAnswer] = useState(initial);
  const [chosen, setChosen] = useState(initialRange);
  const [error, setError] = useState<string | null>(null);
  const pending = useRef<AbortController | null>(null);
  const at = initial.is_past ? initial.as_of : null;
  // The server's clock counts.
  const [ahead] = useState(() => Date.parse(initial.as_of) - Date.now());
  const end = (): number => (initial.is_past ? Date.parse(initial.as_of) : Date.now() + ahead);

  async function load({ from, to }: TimeRange): Promise<void> {
    pending.current?.abort();
    const mine = (pending.current = new AbortController());
    const query = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), at };
    try {
      setAnswer(await fetched<BucketAnswer>(`/api/v1${bucketAddress(initial.bucket, query)}`, mine.signal));
      setError(null);
    } catch (failure) {
      if (!mine.signal.aborted) setError(failure instanceof Error ? failure.message : String(failure));
    }
  }

  const connection = useNews(initial, () => {
    if (chosen !== null) void load(rangeUpTo(chosen, end()));
  });
  return {
    ...{ answer, chosen, connection, error },
    choose: (range) => {
      setChosen(null);
      replaceAddress(
        bucketAddress(initial.bucket, {
          from: new Date(range.from).toISOString(),
          to: new Date(range.to).toISOString(),
          at,
        }),
      );
      void load(range);
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
