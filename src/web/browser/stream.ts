/** The stream of changes, for as long as the page is open. */
import type { Overview, OverviewChange } from '../../api/answers.ts';
import type { ConnectionState } from '../parts/Connection.tsx';
import { askWhetherOver } from './session.ts';

export interface StreamReader {
  readonly onOverview: (overview: Overview) => void;
  readonly onChange: (change: OverviewChange) => void;
  /** Whether what was read is what is: `waiting` for Balde, or for its database, which is `away`. */
  readonly onConnection: (state: Extract<ConnectionState, 'live' | 'waiting' | 'away'>) => void;
}

const STREAM = '/api/v1/stream';
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 15_000;

/**
 * Browsers try again by themselves after a connection that broke, not after an answer that was an error: those are
 * tried again here. @returns ends it
 */
export function listen({ onOverview, onChange, onConnection }: StreamReader): () => void {
  let wait = RETRY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isEnded = false;
  let source = open();
  return () => {
    isEnded = true;
    clearTimeout(timer);
    source.close();
  };

  async function again(): Promise<void> {
    if (!(await askWhetherOver()) && !isEnded) source = open();
  }

  function open(): EventSource {
    const opened = new EventSource(STREAM);
    opened.addEventListener('overview', ({ data }: MessageEvent<string>) => {
      wait = RETRY_MS;
      onConnection('live');
      onOverview(JSON.parse(data) as Overview);
    });
    opened.addEventListener('change', ({ data }: MessageEvent<string>) => onChange(JSON.parse(data) as OverviewChange));
    opened.addEventListener('problem', () => onConnection('away'));
    opened.addEventListener('error', () => {
      onConnection('waiting');
      if (opened.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(() => void again(), wait);
      wait = Math.min(RETRY_MAX_MS, wait * 2);
    });
    return opened;
  }
}
