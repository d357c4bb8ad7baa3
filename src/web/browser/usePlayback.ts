/** Going through the past, step by step. */
import { useEffect, useState } from 'preact/hooks';

interface Playback {
  readonly isPlaying: boolean;
  readonly error: string | null;
  /** Milliseconds. */
  readonly stepMs: number;
  onStepMs(stepMs: number): void;
  play(): void;
  pause(): void;
  /** Milliseconds, back when below 0. */
  step(by: number): void;
}

interface PlaybackOptions {
  /** The moment that is shown. Milliseconds. */
  readonly at: number;
  /** Shows another one. @throws {Error} why it can't */
  readonly show: (at: number, signal: AbortSignal) => Promise<void>;
}

/** A step a second at most, the next one when the one before has been answered; it ends at the present. */
const PAUSE_MS = 700;
const STEP_MS = 60_000;

export function usePlayback({ at, show }: PlaybackOptions): Playback {
  const [isPlaying, setPlaying] = useState(false);
  const [stepMs, setStepMs] = useState(STEP_MS);
  const [error, setError] = useState<string | null>(null);

  async function go(to: number, signal: AbortSignal): Promise<void> {
    try {
      await show(to, signal);
      setError(null);
    } catch (failure) {
      if (signal.aborted) return;
      setPlaying(false);
      setError(failure instanceof Error ? failure.message : String(failure));
    }
  }

  useEffect(() => {
    if (!isPlaying) return undefined;
    const ended = new AbortController();
    const timer = setTimeout(() => {
      if (at + stepMs >= Date.now()) setPlaying(false);
      else void go(at + stepMs, ended.signal);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [isPlaying, at, stepMs]);

  return {
    ...{ isPlaying, error, stepMs, onStepMs: setStepMs },
    play: () => setPlaying(true),
    pause: () => setPlaying(false),
    step: (by) => void go(Math.min(Date.now() - 1, at + by), new AbortController().signal),
  };
}
