/** A plan for a batch as text and as JSON. */
import type { Trial } from '../../analysis/plan.ts';
import { durationText, iso, numberText, percentText, timeText } from '../../format.ts';
import type { PlanAnswer } from '../../operate/plan.ts';

export function planText(answer: PlanAnswer): string[] {
  const { state, highest, needed, tokens, keepPercent, by } = answer;
  const refill = (state.refill_tokens * 60) / state.refill_period_sec;
  return [
    `${state.endpoint_id} of ${state.participant}: ${numberText(state.available_tokens)} of ${numberText(state.capacity)} tokens (${percentText(state.remaining_percent)}), ${numberText(Math.round(refill))} come back a minute`,
    '',
    ...(highest === null
      ? [
          `No rate keeps ${keepPercent} % and takes ${numberText(tokens)} tokens by ${timeText(by)}.`,
          `${rateText(needed)} would be needed: ${riskText(needed, keepPercent)}.`,
        ]
      : [
          `${numberText(tokens)} tokens at ${rateText(highest)} are done at ${timeText(endOf(answer, highest))}, after ${durationText(highest.seconds)}.`,
          `At that rate: ${riskText(highest, keepPercent)}.`,
        ]),
    ...estimatedText(answer),
  ];
}

const rateText = ({ tokensPerMinute }: Trial): string =>
  `${numberText(Math.floor(tokensPerMinute * 10) / 10)} a minute`;

const riskText = ({ days, daysBelow, daysEmpty }: Trial, keepPercent: number): string =>
  `below ${keepPercent} % on ${daysBelow} of ${days} days before, empty on ${daysEmpty}`;

const endOf = ({ from }: PlanAnswer, { seconds }: Trial): number => from + seconds * 1000;

const estimatedText = ({ estimatedShare }: PlanAnswer): string[] =>
  estimatedShare === null || estimatedShare > 0.95
    ? []
    : [
        `Of what was drawn on those days ${percentText(100 * estimatedShare)} was estimated; of the rest only the least is known, so take it slower.`,
      ];

export function planJson(answer: PlanAnswer) {
  const { state, highest, needed, tokens, keepPercent, from, by, estimatedShare } = answer;
  const trialJson = (trial: Trial) => ({
    tokens_per_minute: trial.tokensPerMinute,
    seconds: trial.seconds,
    ends_at: iso(endOf(answer, trial)),
    days: trial.days,
    days_below: trial.daysBelow,
    days_empty: trial.daysEmpty,
  });
  return {
    participant: state.participant,
    endpoint_id: state.endpoint_id,
    available_tokens: state.available_tokens,
    capacity: state.capacity,
    tokens,
    keep_percent: keepPercent,
    from: iso(from),
    by: iso(by),
    highest: highest === null ? null : trialJson(highest),
    needed: trialJson(needed),
    estimated_share: estimatedShare,
  };
}
