/** How many buckets are at which level: the first thing to read, and a filter. */
import type { Health } from '../../api/answers.ts';
import { LEVELS, overviewAddress } from '../addresses.ts';
import type { BucketFilter } from '../addresses.ts';
import { useReading } from './context.ts';
import { LevelMark } from './Level.tsx';

interface LevelCountsProps {
  readonly levels: readonly Health[];
  readonly filter: BucketFilter;
  readonly at: string | null;
  readonly onChange: (filter: BucketFilter) => void;
}

export function LevelCounts({ levels, filter, at, onChange }: LevelCountsProps) {
  const { t, words } = useReading();
  return (
    <ul class="counts" aria-label={t.filter.level}>
      {LEVELS.map((level) => {
        const count = levels.filter((each) => each === level).length;
        const isChosen = filter.level === level;
        const next: BucketFilter = { ...filter, level: isChosen ? '' : level };
        return (
          <li key={level}>
            <a
              class={`count count-${level}${count === 0 ? ' count-none' : ''}`}
              href={overviewAddress(next, at)}
              aria-current={isChosen ? 'true' : undefined}
              onClick={(event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                event.preventDefault();
                onChange(next);
              }}
            >
              <b>{words.number(count)}</b>
              <span>
                <LevelMark level={level} />
                {t.levels[level]}
              </span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}
