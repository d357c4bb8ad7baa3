/** Going through the past, step by step. */
import { useEffect, useState } from 'preact/hooks';
import { fetched } from './fetched.ts';

interface Playback<T> {
  readonly shown: T;
  readonly isPlaying: boolean;
  readonly error: string | null;
  play(): void;
  pause(): void;
  /** Milliseconds, back when below 0. */
  step(by: number): void;
}

interface PlaybackOptions<T> {
  readonly initial: T;
  readonly atOf: (shown: T) => string;
  readonly addressAt: (at: string) => string;
  readonly onShown: (shown: T) => void;
  readonly stepMs: number;
}

/** A step a second at most, the next one when the one before has been answered; it ends at the present. */
const PAUSE_MS = 700;

export function usePlayback<T>({ initial, atOf, addressAt, onShown, stepMs }: PlaybackOptions<T>): Playback<T> {
  const [shown, setShown] = useState(initial);
  const [isPlaying, setPlaying] = useState(false);
  const [error, setError] = useState<string | null>(null);

  async function show(at: number, signal: AbortSignal): Promise<void> {
    try {
      const next = await fetched<T>(addressAt(new Date(at).toISOString()), signal);
      setShown(next);
      setError(null);
      onShown(next);
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
      const at = Date.parse(atOf(shown)) + stepMs;
      if (at >= Date.now()) setPlaying(false);
      else void show(at, ended.signal);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [isPlaying, shown, stepMs]);

  return {
    shown,
    isPlaying,
    error,
    play: () => setPlaying(true),
    pause: () => setPlaying(false),
    step: (by) => void show(Math.min(Date.now() - 1, Date.parse(atOf(shown)) + by), new AbortController().signal),
  };
}
