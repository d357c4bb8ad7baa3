/** A moment, with its zone; machines and tooltips get the whole of it. */
import { useReading } from './context.ts';

interface TimeProps {
  readonly at: string | null;
  /** Leaves out the date when it is that of this moment. Milliseconds. */
  readonly near?: number;
}

export function Time({ at, near }: TimeProps) {
  const { words } = useReading();
  if (at === null) return <>{words.time(null)}</>;
  return (
    <time dateTime={at} title={words.time(at)}>
      {near === undefined ? words.time(at) : words.clock(at, near)}
    </time>
  );
}
