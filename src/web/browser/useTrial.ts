/** The answer to what-if while somebody drags: the newest question counts, older ones are given up. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WhatIfAnswer } from '../../api/answers.ts';
import { triedOf } from '../explained.ts';
import type { Tried } from '../explained.ts';
import { isSound, trialAddress, trialQuestion } from '../trial.ts';
import type { Trial } from '../trial.ts';
import { replaceAddress } from './address.ts';
import { fetched } from './fetched.ts';

/** So long after the last movement it is asked. Milliseconds. */
const SETTLED_MS = 200;

interface Trying {
  readonly trial: Trial;
  readonly tried: Tried | null;
  readonly isRunning: boolean;
  readonly error: string | null;
  readonly change: (trial: Partial<Trial>) => void;
}

export function useTrial(initial: Trial, initialTried: Tried | null, now: number): Trying {
  const [trial, setTrial] = useState(initial);
  const [tried, setTried] = useState(initialTried);
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const isAnswered = useRef(initialTried !== null);

  useEffect(() => {
    if (isAnswered.current || !isSound(trial)) {
      isAnswered.current = false;
      setRunning(false);
      return undefined;
    }
    const ended = new AbortController();
    setRunning(true);
    const timer = setTimeout(() => {
      ask(trial, now, ended.signal)
        .then((answer) => {
          setTried(answer);
          setError(null);
          setRunning(false);
        })
        .catch((failure: unknown) => {
          if (ended.signal.aborted) return;
          setError(failure instanceof Error ? failure.message : String(failure));
          setRunning(false);
        });
    }, SETTLED_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [trial]);

  return {
    ...{ trial, tried, isRunning, error },
    change: (part) => {
      const next = { ...trial, ...part };
      setTrial(next);
      replaceAddress(trialAddress(next));
    },
  };
}

const ask = async (trial: Trial, now: number, signal: AbortSignal): Promise<Tried> =>
  triedOf(await fetched<WhatIfAnswer>(trialQuestion(trial, now), signal));
