import { describe, expect, test } from 'vitest';
import {
  categoryChart,
  explainChart,
  historyChart,
  rankingChart,
  stateChart,
  whatIfChart,
} from '../../src/analysis/charts.ts';
import type { CategoryOutcome } from '../../src/analysis/category.ts';
import { rankCategories } from '../../src/analysis/categoryRanking.ts';
import type { Comparison } from '../../src/analysis/comparison.ts';
import type { Explanation } from '../../src/analysis/explain.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';

const START = Date.UTC(2026, 4, 4, 12);
const MINUTE = 60_000;
const bucket = { participant: '12345678', policy: 'CLAIMS_READ' };
const NONE = { added: 0, gone: 0, earlier: 0, later: 0, longer: 0, shorter: 0, unchanged: 0 };

const profile = (minutes: number, to = 600) => ({
  ...{ observations: to / minutes, from: START, to: START + to * MINUTE },
  points: Array.from({ length: to / minutes }, (_, slice) => ({
    ...{ slice, response_time: START + slice * minutes * MINUTE },
    ...{ available_tokens: slice % 7, capacity: 10 },
  })),
});

const figures = (alerts: number) => ({
  ...{ alerts, warning: alerts, critical: 0, open: 0, incidents: alerts, flaps: 0, reached_zero: 0 },
  ...{ lead_median_seconds: null, lead_min_seconds: null },
});

/** `policies` policies with as many alerts as their number, one a minute. */
function report(policies: number): Comparison {
  const all = Array.from({ length: policies }, (_, i) => i + 1);
  const raised = all.flatMap((n) => Array.from({ length: n }, (_, i) => START + (n * 100 + i) * MINUTE));
  return {
    ...{
      ruleVersion: 'w30-c10-m5-n2',
      baselineRules: policies === 0 ? {} : { 'w20-c10-m0-n1': raised.length },
    },
    history: { from: START, to: START + MINUTE, observations: 2, late: 0, carriedIn: 0 },
    policies: all.map((n) => ({
      ...{ participant: bucket.participant, policy: `POLICY_${'X'.repeat(60)}_${n}` },
      ...{ baseline: figures(n), whatIf: figures(n), counts: NONE, incidents: NONE },
    })),
    ...{ baseline: figures(raised.length), whatIf: figures(raised.length), counts: NONE, incidents: NONE },
    ...{ added: [], gone: [], changed: [], raised: { baseline: raised, whatIf: raised } },
  };
}

const alert = (minutes: number | null) => ({
  ...{ id: 'a', participant: bucket.participant, endpoint_id: bucket.policy, severity: 'WARNING' as const },
  ...{ rule_version: 'w20-c10-m0-n1', created_at: START + 300 * MINUTE, resolution_reason: 'RECOVERED' },
  resolved_at: minutes === null ? null : START + (300 + minutes) * MINUTE,
});

const explanation = (minutes: number | null, kept = true): Explanation =>
  ({ alert: alert(minutes), profile: kept ? profile(5) : null }) as unknown as Explanation;

const outcome = (best: number, likely: CategoryOutcome['likely'] = []): CategoryOutcome => ({
  ...bucket,
  ...{
    category: 'H',
    size: { capacity: 50, refillTokens: 2, refillPeriodSec: 60 },
    observedCategories: ['F'],
  },
  ...{
    from: START,
    to: START + 600 * MINUTE,
    observations: 120,
    ...{ unbounded: 0, estimatedShare: likely === null ? 0 : 0.5 },
    consumed: { low: 0, likely: likely === null ? null : 4, high: 9 },
  },
  best: Array.from({ length: best }, (_, i) => ({
    ...{
      from: START + i * 10 * MINUTE,
      to: i === 0 ? null : START + (i * 10 + 5) * MINUTE,
      seenUntil: START + (i * 10 + 5) * MINUTE,
      refusedTokens: 1,
    },
  })),
  ...{ likely, worst: [], assumptions: [] },
});

const bar = (i: number) => ({
  ...{ participant: bucket.participant, policy: `POLICY_${i}`, availableTokens: i * 10 - 5, capacity: 100 },
  ...{ level: 'OK' as const, remainingPercent: i * 10 - 5, stale: i === 2 },
});

const CHARTS: readonly (readonly [string, () => Promise<string>, readonly string[]])[] = [
  ['explain', async () => await explainChart(explanation(5)), ['raised', 'recovered', 'WARNING at 20 %']],
  ['explain, open', async () => await explainChart(explanation(null)), ['raised', 'still open']],
  [
    'explain, history dropped',
    async () => await explainChart(explanation(5, false)),
    ['History of this time is no longer kept.'],
  ],
  [
    'history',
    async () => await historyChart(bucket, profile(5), DEFAULT_RULES),
    ['Tokens left of CLAIMS_READ', 'WARNING at 20 %, CRITICAL at 10 %', '120 observations'],
  ],
  [
    'state',
    async () => await stateChart([0, 1, 2].map(bar), START, DEFAULT_RULES),
    ['Buckets at 2026-05-04 12:00 UTC', 'POLICY_0', '-5 of 100', '1 of them stale'],
  ],
  ['what-if --category', async () => await categoryChart([outcome(3)]), ['Category H: when', 'best case']],
  ['what-if --category, none', async () => await categoryChart([outcome(0)]), ['No 429, in any case', 'likely case']],
  [
    'what-if --category, no estimate',
    async () => await categoryChart([outcome(1, null)]),
    ['likely case not known, for only bounds are: CLAIMS_READ'],
  ],
  [
    'what-if --category all',
    async () => await rankingChart(rankCategories([[outcome(3)], [outcome(1, null)]])),
    ['How long DICT would have answered 429', 'minutes, CLAIMS_READ of 12345678', 'worst case'],
  ],
  [
    'what-if',
    async () => await whatIfChart(report(12)),
    ['WARNING at 30 %, CRITICAL at 10 %, better only 5 points above, 2 observations must agree', 'raised at (UTC)'],
  ],
  ['what-if, many policies', async () => await whatIfChart(report(60)), ['30 quieter policies not shown']],
  [
    'what-if, no alerts',
    async () => await whatIfChart(report(0)),
    ['No alert, with these rules or those they are compared with', 'compared with what was raised'],
  ],
];

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where the texts of a picture lie, by what letters take on average. */
const boxesOf = (svg: string): Box[] =>
  [...svg.matchAll(/<text([^>]*)>([^<]+)</g)].map(([, attributes = '', text = '']) => {
    const of = (pattern: RegExp): string => pattern.exec(attributes)?.[1] ?? '';
    const size = Number(of(/font-size:(\d+)px/));
    const [dx = 0, dy = 0] = of(/translate\(([^)]*)\)/)
      .split(' ')
      .map(Number);
    const [x, y] = [Number(of(/ x="([^"]*)"/)) + dx, Number(of(/ y="([^"]*)"/)) + dy];
    const width = text.length * size * 0.55;
    const left = x - width * ({ middle: 0.5, end: 1 }[of(/text-anchor="(\w+)"/)] ?? 0);
    return { text, left, right: left + width, top: y - size * 0.4, bottom: y + size * 0.4 };
  });

const meet = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

describe('charts', () => {
  test.each(CHARTS)('%s: says what it shows in words, and that times are UTC', async (name, draw, texts) => {
    const svg = await draw();
    expect(svg).toMatch(/^<svg .*<\/svg>$/s);
    for (const text of texts) expect(svg).toContain(text);
    if (name !== 'what-if, no alerts') expect(svg).toContain('UTC');
    expect(svg).not.toMatch(/w\d+-c\d+-m/);
    expect(svg).not.toContain('NaN');
  });

  test('what is drawn of no alerts is a sentence, not an empty frame', async () => {
    expect(await whatIfChart(report(0))).not.toMatch(/raised per|>baseline</);
  });

  test('the labels of an alert that lasted a moment lie on either side of it', async () => {
    const svg = await explainChart(explanation(1));
    expect(svg).toMatch(/text-anchor="end"[^>]*>raised</);
    expect(svg).toMatch(/text-anchor="start"[^>]*>recovered</);
  });

  test.each(CHARTS)('%s: no two labels overlap', async (_name, draw) => {
    const boxes = boxesOf(await draw());
    expect(boxes.length).toBeGreaterThan(2);
    const overlaps = boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b) => (meet(a, b) ? [[a.text, b.text]] : [])));
    expect(overlaps).toEqual([]);
  });
});
