/** Other rules over what was observed: the code of production answers while one drags. */
import type { BucketName } from '../../api/answers.ts';
import type { ThresholdRules } from '../../domain/thresholds.ts';
import { useTrial } from '../browser/useTrial.ts';
import type { Tried } from '../explained.ts';
import { CategoryRanking } from '../parts/CategoryRanking.tsx';
import { CategoryTrial } from '../parts/CategoryTrial.tsx';
import { Compared } from '../parts/Compared.tsx';
import { useReading } from '../parts/context.ts';
import { Shell } from '../parts/Shell.tsx';
import { TrialControls } from '../parts/TrialControls.tsx';
import { environmentOf, trialAddress } from '../trial.ts';
import type { Trial } from '../trial.ts';

export interface WhatIfPageProps {
  readonly trial: Trial;
  readonly production: ThresholdRules;
  /** What can be chosen from. */
  readonly buckets: readonly BucketName[];
  /** `null`: the browser asks. */
  readonly tried: Tried | null;
  /** Milliseconds. */
  readonly now: number;
}

export function WhatIfPage({ trial: initial, production, buckets, tried: initialTried, now }: WhatIfPageProps) {
  const { t } = useReading();
  const { trial, tried, isRunning, error, change } = useTrial(initial, initialTried, now);
  return (
    <Shell address={trialAddress(trial)} here="what-if" connection={null}>
      <div class="title">
        <h1>{t.trial.title}</h1>
        <p class="quiet">{t.trial.intro}</p>
      </div>
      <div class="trial">
        <div class="trial-side">
          <TrialControls trial={trial} buckets={buckets} onChange={change} />
          {trial.category === '' && <Environment trial={trial} production={production} />}
        </div>
        <div class="trial-result" aria-busy={isRunning}>
          <p role="status" class={isRunning ? 'quiet' : 'hidden'}>
            {isRunning ? t.trial.running : ''}
          </p>
          {error !== null && <p role="alert">{error}</p>}
          <Result tried={tried} />
        </div>
      </div>
    </Shell>
  );
}

function Result({ tried }: { readonly tried: Tried | null }) {
  const { t } = useReading();
  if (tried === null) return <p class="nothing without-script">{t.trial.notYet}</p>;
  if ('rules' in tried) return <Compared compared={tried.rules} />;
  return 'ranked' in tried ? <CategoryRanking ranked={tried.ranked} /> : <CategoryTrial tried={tried.category} />;
}

function Environment({ trial, production }: Pick<WhatIfPageProps, 'trial' | 'production'>) {
  const { t } = useReading();
  const lines = environmentOf(trial, production);
  return (
    <section class="panel" aria-labelledby="environment">
      <h2 id="environment">{t.trial.environment}</h2>
      {lines.length === 0 ? <p class="quiet">{t.trial.inForce}</p> : <pre>{lines.join('\n')}</pre>}
      <p class="quiet">
        <a href={trialAddress(trial)}>{t.trial.link}</a>
      </p>
    </section>
  );
}
