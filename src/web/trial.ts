/** The settings of what-if, as they stand in its address. Pure. */
import { CATEGORIES } from '../domain/catalog.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import { withQuery } from './addresses.ts';

export const SPANS = { '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000, all: null } as const;
export type SpanName = keyof typeof SPANS;

/** Schedules that can be tried, as the API takes them. */
export const EVERY = ['10s', '30s', '1m', '5m', '15m', '1h'] as const;
/** Every category, ranked. */
export const ALL_CATEGORIES = 'all';

export interface Trial {
  readonly participant: string;
  readonly policy: string;
  readonly rules: ThresholdRules;
  /** A letter, or {@link ALL_CATEGORIES}: another question, in which rules have no part. */
  readonly category: string;
  /** Also with polls this far apart only; empty: as it was polled. */
  readonly every: string;
  /** Minutes that forecasts look ahead; 0: as they were made. */
  readonly horizon: number;
  readonly span: SpanName;
  /** Milliseconds; they are there in place of a span. */
  readonly from: number | null;
  readonly to: number | null;
}

/** The parameter, and the environment's variable, of each. */
const RULES = {
  warningPercent: ['warning', 'WARNING_PERCENT'],
  criticalPercent: ['critical', 'CRITICAL_PERCENT'],
  resolveMargin: ['margin', 'RESOLVE_MARGIN'],
  forObservations: ['for', 'FOR_OBSERVATIONS'],
} as const satisfies Record<keyof ThresholdRules, readonly [string, string]>;

const RULE_NAMES = Object.keys(RULES) as (keyof ThresholdRules)[];

/** What is no number, or not given, is as in production. */
export function trialOf(query: URLSearchParams, production: ThresholdRules): Trial {
  const number = (name: keyof ThresholdRules): number => {
    const text = query.get(RULES[name][0]) ?? '';
    return /^\d{1,3}(\.\d+)?$/.test(text) ? Number(text) : production[name];
  };
  const moment = (name: string): number | null => {
    const at = Date.parse(query.get(name) ?? '');
    return Number.isNaN(at) ? null : at;
  };
  return {
    participant: query.get('participant') ?? '',
    policy: query.get('policy') ?? '',
    rules: {
      warningPercent: number('warningPercent'),
      criticalPercent: number('criticalPercent'),
      resolveMargin: number('resolveMargin'),
      forObservations: number('forObservations'),
    },
    category: [...CATEGORIES, ALL_CATEGORIES].find((letter) => letter === query.get('category')) ?? '',
    horizon: horizonOf(query.get('horizon') ?? ''),
    every: EVERY.find((interval) => interval === query.get('every')) ?? '',
    span: (Object.keys(SPANS) as SpanName[]).find((name) => name === query.get('span')) ?? '7d',
    from: moment('from'),
    to: moment('to'),
  };
}

const MOST_MINUTES = 60;

function horizonOf(text: string): number {
  const minutes = Number(/^(\d{1,2})m?$/.exec(text)?.[1] ?? 0);
  return minutes <= MOST_MINUTES ? minutes : 0;
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

const rulesIn = ({ rules, category, every, horizon }: Trial): Readonly<Record<string, string | null>> =>
  category === ''
    ? {
        ...Object.fromEntries(RULE_NAMES.map((name) => [RULES[name][0], String(rules[name])])),
        every,
        horizon: horizon === 0 ? null : `${horizon}m`,
      }
    : {};

/** The page's address with these settings. */
export const trialAddress = (trial: Trial): string =>
  withQuery('/what-if', {
    ...{ participant: trial.participant, policy: trial.policy, category: trial.category },
    ...rulesIn(trial),
    ...(trial.from === null && trial.to === null ? { span: trial.span } : { from: iso(trial.from), to: iso(trial.to) }),
  });

/** What the API is asked. @param now milliseconds */
export function trialQuestion(trial: Trial, now: number): string {
  const span = SPANS[trial.span];
  const isNamed = trial.from === null && trial.to === null;
  return withQuery('/api/v1/what-if', {
    ...{ participant: trial.participant, policy: trial.policy, category: trial.category },
    ...rulesIn(trial),
    from: iso(isNamed ? (span === null ? null : now - span) : trial.from),
    to: iso(trial.to),
  });
}

/** CRITICAL is what is worse. */
export const isSound = ({ rules: { warningPercent, criticalPercent } }: Trial): boolean =>
  criticalPercent < warningPercent;

/** What puts the rules into force, a line each; what is as in production already is left out. */
export const environmentOf = ({ rules, horizon }: Trial, production: ThresholdRules): string[] => [
  ...RULE_NAMES.filter((name) => rules[name] !== production[name]).map((name) => `${RULES[name][1]}=${rules[name]}`),
  ...(horizon === 0 ? [] : [`FORECAST_HORIZON=${horizon}m`]),
];
