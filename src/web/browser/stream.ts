/** The stream of changes, for as long as the page is open. */
import type { Overview, OverviewChange } from '../../api/answers.ts';

export interface StreamReader {
  readonly onOverview: (overview: Overview) => void;
  readonly onChange: (change: OverviewChange) => void;
  /** Whether what was read is what is. */
  readonly onConnection: (isLive: boolean) => void;
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
  let source = open();
  return () => {
    clearTimeout(timer);
    source.close();
  };

  function open(): EventSource {
    const opened = new EventSource(STREAM);
    opened.addEventListener('overview', ({ data }: MessageEvent<string>) => {
      wait = RETRY_MS;
      onConnection(true);
      onOverview(JSON.parse(data) as Overview);
    });
    opened.addEventListener('change', ({ data }: MessageEvent<string>) => onChange(JSON.parse(data) as OverviewChange));
    opened.addEventListener('error', () => {
      onConnection(false);
      if (opened.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(() => (source = open()), wait);
      wait = Math.min(RETRY_MAX_MS, wait * 2);
    });
    return opened;
  }
}
