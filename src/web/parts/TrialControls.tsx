/** Rules as sliders, and what they are tried on. A form that works without scripts. */
import type { BucketName } from '../../api/answers.ts';
import { CATEGORIES } from '../../domain/catalog.ts';
import type { ThresholdRules } from '../../domain/thresholds.ts';
import { ALL_CATEGORIES, EVERY, isSound, SPANS } from '../trial.ts';
import type { SpanName, Trial } from '../trial.ts';
import { useReading } from './context.ts';
import { Choice } from './Filters.tsx';

interface TrialControlsProps {
  readonly trial: Trial;
  readonly buckets: readonly BucketName[];
  readonly onChange: (change: Partial<Trial>) => void;
}

const distinct = (values: readonly string[]): [string, string][] =>
  [...new Set(values)].sort().map((value) => [value, value]);

export function TrialControls({ trial, buckets, onChange }: TrialControlsProps) {
  const { t } = useReading();
  return (
    <form class="panel trial-controls" method="get" action="/what-if" onSubmit={(event) => event.preventDefault()}>
      <Rules trial={trial} onChange={onChange} />
      <fieldset>
        <legend>{t.trial.scope}</legend>
        <Choice
          name="participant"
          label={t.filter.participant}
          value={trial.participant}
          options={distinct(buckets.map(({ participant }) => participant))}
          onChange={(participant) => onChange({ participant })}
        />
        <Choice
          name="policy"
          label={t.filter.policy}
          value={trial.policy}
          options={distinct(buckets.map(({ endpoint_id }) => endpoint_id))}
          onChange={(policy) => onChange({ policy })}
        />
        <label>
          {t.trial.span}
          <select
            name="span"
            value={trial.span}
            onChange={(event) => onChange({ span: event.currentTarget.value as SpanName, from: null, to: null })}
          >
            {(Object.keys(SPANS) as SpanName[]).map((name) => (
              <option key={name} value={name} selected={name === trial.span}>
                {t.trial.spans[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.trial.category}
          <select
            name="category"
            value={trial.category}
            onChange={(event) => onChange({ category: event.currentTarget.value })}
          >
            <option value="" selected={trial.category === ''}>
              {t.trial.ownCategory}
            </option>
            {[...CATEGORIES, ALL_CATEGORIES].map((letter) => (
              <option key={letter} value={letter} selected={letter === trial.category}>
                {letter === ALL_CATEGORIES ? t.trial.allCategories : letter}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.trial.every}
          <select
            name="every"
            value={trial.every}
            disabled={trial.category !== ''}
            onChange={(event) => onChange({ every: event.currentTarget.value })}
          >
            <option value="" selected={trial.every === ''}>
              {t.trial.asPolled}
            </option>
            {EVERY.map((interval) => (
              <option key={interval} value={interval} selected={interval === trial.every}>
                {interval}
              </option>
            ))}
          </select>
        </label>
      </fieldset>
      <button type="submit" name="run" value="1" class="without-script">
        {t.trial.run}
      </button>
    </form>
  );
}

type RulesProps = Omit<TrialControlsProps, 'buckets'>;

function Rules({ trial, onChange }: RulesProps) {
  const { t, words } = useReading();
  const { rules } = trial;
  const set = (change: Partial<ThresholdRules>) => onChange({ rules: { ...rules, ...change } });
  const share = { min: 0, max: 60, step: 0.5, disabled: trial.category !== '' };
  return (
    <fieldset>
      <legend>{t.trial.rules}</legend>
      <Slider
        {...share}
        {...{ name: 'warning', label: t.trial.warning, value: rules.warningPercent }}
        text={words.percent(rules.warningPercent)}
        onInput={(warningPercent) => set({ warningPercent })}
      />
      <Slider
        {...share}
        {...{ name: 'critical', label: t.trial.critical, value: rules.criticalPercent }}
        text={words.percent(rules.criticalPercent)}
        onInput={(criticalPercent) => set({ criticalPercent })}
      />
      <Slider
        {...{ ...share, max: 20, name: 'margin', label: t.trial.margin, value: rules.resolveMargin }}
        text={t.trial.points(words.number(rules.resolveMargin, rules.resolveMargin % 1 === 0 ? 0 : 1))}
        onInput={(resolveMargin) => set({ resolveMargin })}
      />
      <Slider
        {...{ ...share, min: 1, max: 10, step: 1, name: 'for', label: t.trial.observations }}
        value={rules.forObservations}
        text={words.number(rules.forObservations)}
        onInput={(forObservations) => set({ forObservations })}
      />
      <Slider
        {...{ ...share, max: 30, step: 1, name: 'horizon', label: t.trial.horizon, value: trial.horizon }}
        text={trial.horizon === 0 ? t.trial.asForecast : words.duration(trial.horizon * 60)}
        onInput={(horizon) => onChange({ horizon })}
      />
      {!isSound(trial) && (
        <p class="danger" role="alert">
          {t.trial.wrong}
        </p>
      )}
    </fieldset>
  );
}

interface SliderProps {
  readonly name: string;
  readonly label: string;
  readonly value: number;
  /** The value as people read it. */
  readonly text: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly disabled: boolean;
  readonly onInput: (value: number) => void;
}

const Slider = ({ label, text, onInput, ...input }: SliderProps) => (
  <label class="slider">
    <span>
      {label} <b>{text}</b>
    </span>
    <input
      type="range"
      {...input}
      aria-valuetext={text}
      onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
    />
  </label>
);
