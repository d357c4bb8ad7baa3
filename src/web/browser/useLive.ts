/** The overview as it goes on: by the stream, or by steps through the past. */
import { useEffect, useState } from 'preact/hooks';
import type { Overview } from '../../api/answers.ts';
import { afterChange } from '../buckets.ts';
import type { ConnectionState } from '../parts/Connection.tsx';
import { listen } from './stream.ts';

export interface Live {
  readonly overview: Overview;
  /** What was there before the newest change. */
  readonly before: Overview;
  readonly connection: ConnectionState;
}

const TICK_MS = 1_000;

/** Changes that come while the page can't be seen are shown when it can. */
export function useLive(initial: Overview): Live {
  const [live, setLive] = useState<Live>({
    overview: initial,
    before: initial,
    connection: initial.is_past ? 'past' : 'still',
  });
  useEffect(() => {
    if (initial.is_past) return undefined;
    const show = (next: (shown: Overview) => Overview) =>
      setLive(({ overview, connection }) => ({ overview: next(overview), before: overview, connection }));
    setLive((shown) => ({ ...shown, connection: 'connecting' }));
    return listen({
      onOverview: (overview) => show(() => overview),
      onChange: (change) => show((shown) => afterChange(shown, change)),
      onConnection: (connection) => setLive((shown) => ({ ...shown, connection })),
    });
  }, [initial]);
  return live;
}

/** The time by the server's clock, going on; that of a past moment stands still. Milliseconds. */
export function useNow({ as_of, is_past }: Pick<Overview, 'as_of' | 'is_past'>): number {
  const [now, setNow] = useState(Date.parse(as_of));
  useEffect(() => {
    const ahead = Date.parse(as_of) - Date.now();
    setNow(Date.parse(as_of));
    if (is_past) return undefined;
    const timer = setInterval(() => setNow(Date.now() + ahead), TICK_MS);
    return () => clearInterval(timer);
  }, [as_of, is_past]);
  return now;
}
