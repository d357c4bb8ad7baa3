/** Answers to what-if, as the command prints them. */
import type { ChangeCounts, SideFigures } from '../../src/api/answers.ts';
import type { CategoriesRanked, CategoryTried, Raised, RulesCompared } from '../../src/web/explained.ts';
import { alert } from './fixtures.ts';

const raised = (i: number, resolvedAfter: number | null): Raised => alert(i, resolvedAfter);

const side = (alerts: number): SideFigures => ({
  ...{ alerts, warning: alerts - 1, critical: 1, open: 1, incidents: alerts - 1, flaps: 2, reached_zero: 1 },
  ...{ lead_median_seconds: 201, lead_min_seconds: -12 },
});

const counts: ChangeCounts = { added: 1, gone: 1, earlier: 1, later: 0, longer: 1, shorter: 0, unchanged: 4 };

const pair = {
  raised_shift_seconds: -120,
  duration_shift_seconds: 60,
  baseline: raised(3, 800),
  what_if: { ...raised(3, 920), id: '44444444-4444-4444-8444-444444444444' },
};

export const compared = {
  summary: {
    ...counts,
    ...{ history_from: '2026-02-01T00:00:00.000Z', history_to: '2026-03-02T15:03:58.000Z', observations: 41_760 },
    ...{ incidents: counts, baseline: side(7), what_if: side(8) },
    outages: {
      count: 5,
      baseline: { announced: 4, lead_median_seconds: 150, lead_min_seconds: 0 },
      what_if: { announced: 5, lead_median_seconds: 230, lead_min_seconds: 40 },
      forecast: { announced: 5, lead_median_seconds: 260, lead_min_seconds: 60 },
    },
  },
  added: [raised(4, 600)],
  gone: [raised(2, 300)],
  earlier: [pair],
  later: [],
  longer: [pair],
  shorter: [],
} satisfies RulesCompared;

export const categoryTried = {
  category: 'D',
  policies: [
    {
      participant: '12345678',
      endpoint_id: 'ENTRIES_READ_PARTICIPANT_ANTISCAN',
      ...{ capacity: 16_000, refill_tokens: 8_000, refill_period_sec: 60, observed_categories: ['E'] },
      observations: 41_760,
      best_case: [],
      worst_case: [{ from: '2026-03-01T12:00:00.000Z', to: '2026-03-01T12:05:00.000Z', refused_tokens: 300 }],
      assumptions: ['the traffic would have been the same'],
    },
  ],
} satisfies CategoryTried;

const total = (times: number) => ({ times, seconds: times * 300, refused_tokens: times * 120 });

export const categoriesRanked = {
  category: 'all',
  policies: [
    {
      participant: '12345678',
      endpoint_id: 'ENTRIES_READ_PARTICIPANT_ANTISCAN',
      smallest_without_429: { likely_case: 'E' },
      categories: ['A', 'E', 'H'].map((category, i) => ({
        ...{ category, capacity: 50_000 / (i + 1) },
        ...{ best_case: total(0), likely_case: total(i > 1 ? 2 : 0), worst_case: total(i) },
      })),
      assumptions: ['the traffic would have been the same'],
    },
  ],
} satisfies CategoriesRanked & { readonly category: string };
