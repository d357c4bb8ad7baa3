/** A level as shape, colour and word: never colour alone. */
import type { Health } from '../../api/answers.ts';
import { useReading } from './context.ts';

const SHAPES: Readonly<Record<Health, string>> = {
  OK: 'M8 2a6 6 0 1 1 0 12A6 6 0 1 1 8 2z',
  WARNING: 'M8 1.5 15 14H1z',
  CRITICAL: 'M5 1h6l4 4v6l-4 4H5l-4-4V5z',
  STALE: 'M8 2a6 6 0 1 1 0 12A6 6 0 1 1 8 2zM8 4a4 4 0 1 0 0 8 4 4 0 1 0 0-8z',
};

export const LevelMark = ({ level }: { readonly level: Health }) => (
  <svg class={`mark mark-${level}`} viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
    <path fill-rule="evenodd" d={SHAPES[level]} />
  </svg>
);

export function Level({ level }: { readonly level: Health }) {
  const { t } = useReading();
  return (
    <span class={`level level-${level}`}>
      <LevelMark level={level} />
      {t.levels[level]}
    </span>
  );
}
