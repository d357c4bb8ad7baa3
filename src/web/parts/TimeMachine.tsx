/** Choosing a past moment, and going on from it. */
import type { ComponentChildren } from 'preact';
import { localText } from '../moments.ts';
import { useReading } from './context.ts';

interface TimeMachineProps {
  /** Milliseconds. */
  readonly moment: number;
  readonly isPast: boolean;
  /** The page without its moment. */
  readonly presentAddress: string;
  readonly children?: ComponentChildren;
}

/** A form that works without scripts: the server reads its time as one of the reader's zone. */
export function TimeMachine({ moment, isPast, presentAddress, children }: TimeMachineProps) {
  const { t, words, reader } = useReading();
  const [path, query] = presentAddress.split('?');
  return (
    <details class={`past${isPast ? ' past-on' : ''}`} open={isPast}>
      <summary>{t.past.title}</summary>
      {isPast && (
        <p class="past-banner">
          <strong>{t.past.banner(words.time(moment))}</strong> {t.past.alerts}{' '}
          <a href={presentAddress}>{t.past.back}</a>
        </p>
      )}
      <div class="past-controls">
        <form method="get" action={path}>
          {[...new URLSearchParams(query)].map(([name, value]) => (
            <input key={name} type="hidden" name={name} value={value} />
          ))}
          <label>
            {t.past.at} ({words.zoneName})
            <input type="datetime-local" name="at" step="1" required value={localText(moment, reader.zone)} />
          </label>
          <button type="submit">{t.past.go}</button>
        </form>
        {isPast && children}
      </div>
    </details>
  );
}

interface PlayerProps {
  readonly isPlaying: boolean;
  readonly error: string | null;
  readonly stepMs: number;
  readonly onStepMs: (stepMs: number) => void;
  readonly play: () => void;
  readonly pause: () => void;
  readonly step: (by: number) => void;
}

const STEPS_MS = [10_000, 60_000, 300_000, 3_600_000] as const;

export function Player({ isPlaying, error, stepMs, onStepMs, play, pause, step }: PlayerProps) {
  const { t, words } = useReading();
  return (
    <div class="player with-script">
      <button type="button" aria-label={t.past.backward} title={t.past.backward} onClick={() => step(-stepMs)}>
        <span aria-hidden="true">−</span>
      </button>
      <button type="button" class="play" onClick={isPlaying ? pause : play}>
        {isPlaying ? t.past.pause : t.past.play}
      </button>
      <button type="button" aria-label={t.past.forward} title={t.past.forward} onClick={() => step(stepMs)}>
        <span aria-hidden="true">+</span>
      </button>
      <label>
        {t.past.speed}
        <select value={stepMs} onChange={(event) => onStepMs(Number(event.currentTarget.value))}>
          {STEPS_MS.map((value) => (
            <option key={value} value={value} selected={value === stepMs}>
              {words.duration(value / 1000)}
            </option>
          ))}
        </select>
      </label>
      {error !== null && <p role="alert">{error}</p>}
    </div>
  );
}
