/** The filter of the overview: a form that works by itself, and at once where scripts run. */
import type { Overview } from '../../api/answers.ts';
import { LEVELS } from '../addresses.ts';
import type { BucketFilter } from '../addresses.ts';
import { useReading } from './context.ts';

interface FiltersProps {
  readonly buckets: Overview['buckets'];
  readonly filter: BucketFilter;
  readonly at: string | null;
  readonly onChange: (filter: BucketFilter) => void;
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort();

export function Filters({ buckets, filter, at, onChange }: FiltersProps) {
  const { t } = useReading();
  const participants = distinct(buckets.map((bucket) => bucket.participant));
  const policies = distinct(buckets.map((bucket) => bucket.endpoint_id));
  const set = (change: Partial<BucketFilter>) => onChange({ ...filter, ...change });
  return (
    <form
      class="filters"
      method="get"
      action="/"
      role="search"
      aria-label={t.filter.title}
      onSubmit={(event) => event.preventDefault()}
    >
      {at !== null && <input type="hidden" name="at" value={at} />}
      <label>
        {t.filter.text}
        <input
          type="search"
          name="q"
          value={filter.q}
          placeholder={t.filter.textHint}
          onInput={(event) => set({ q: event.currentTarget.value })}
        />
      </label>
      {participants.length > 1 && (
        <Choice
          name="participant"
          label={t.filter.participant}
          value={filter.participant}
          options={participants.map((value) => [value, value])}
          onChange={(participant) => set({ participant })}
        />
      )}
      <Choice
        name="policy"
        label={t.filter.policy}
        value={filter.policy}
        options={policies.map((value) => [value, value])}
        onChange={(policy) => set({ policy })}
      />
      <Choice
        name="level"
        label={t.filter.level}
        value={filter.level}
        options={LEVELS.map((level) => [level, t.levels[level]])}
        onChange={(value) => set({ level: LEVELS.find((level) => level === value) ?? '' })}
      />
      <button type="submit" class="without-script">
        {t.apply}
      </button>
    </form>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}

export function Choice({ name, label, value, options, onChange }: ChoiceProps) {
  const { t } = useReading();
  return (
    <label>
      {label}
      <select name={name} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="" selected={value === ''}>
          {t.filter.all}
        </option>
        {options.map(([option, text]) => (
          <option key={option} value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
